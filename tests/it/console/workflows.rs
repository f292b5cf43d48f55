//! The list of workflows: rows that come and change under a reader, filtering, sorting, asking, paging, hostile ids.

use gatewatch::console::effect::{Effect, Fetch, Interest};
use gatewatch::console::event::{Answer, Event};
use gatewatch::contracts::failure::{Failure, FailureKind};
use gatewatch::contracts::text;
use gatewatch::contracts::workflow::{ExecutionStatus, PageToken, WorkflowPage, WorkflowRow};

use crate::console::drive::Driven;
use crate::console::world::row;

/// So many orders, the newest first: `order-<from>` down to `order-<from - count + 1>`.
fn orders(from: usize, count: usize) -> Vec<WorkflowRow> {
    (0..count).map(|n| row(&format!("order-{:05}", from - n), "OrderWorkflow")).collect()
}

fn token(word: &str) -> PageToken {
    PageToken(word.as_bytes().to_vec())
}

fn page(rows: Vec<WorkflowRow>, next: Option<&str>) -> WorkflowPage {
    WorkflowPage { rows, next: next.map(token) }
}

fn answer(console: &mut Driven, query: &str, result: Result<WorkflowPage, Failure>) {
    let watched = |interest: &Interest| *interest == Interest::Workflows { query: query.to_owned() };
    console.answer(watched, Answer::Workflows { query: query.to_owned(), result });
}

/// The list with these rows in it.
fn listed(rows: Vec<WorkflowRow>) -> Driven {
    let mut console = Driven::new(120, 36);
    console.keys("3");
    answer(&mut console, "", Ok(page(rows, None)));
    console
}

/// Ids on screen, from the top.
fn ids(console: &Driven) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().find(|word| word.contains("order-")).map(str::to_owned);
    console.screen().lines().filter_map(|line| words(&line.replace(['│', '▸'], " "))).collect()
}

/// The id under the cursor.
fn selected(console: &Driven) -> String {
    let screen = console.screen();
    let line = screen.lines().skip(3).find(|line| line.contains('▸')).unwrap_or_else(|| panic!("no cursor\n{screen}"));
    line.replace(['│', '▸'], " ").split_whitespace().next().unwrap().to_owned()
}

#[test]
fn rows_that_come_wait_while_somebody_reads_and_come_in_when_asked() {
    let mut console = listed(orders(20, 20));
    console.keys("jjj");
    assert_eq!(selected(&console), "order-00017");
    let before = ids(&console);
    answer(&mut console, "", Ok(page(orders(22, 20), None)));
    assert_eq!(ids(&console), before, "nothing moves under the reader");
    assert!(console.screen().contains("+2 new (n shows)"), "{}", console.screen());
    answer(&mut console, "", Ok(page(orders(23, 20), None)));
    assert!(console.screen().contains("+3 new (n shows)"), "{}", console.screen());
    console.keys("n");
    assert_eq!(ids(&console)[..4], ["order-00023", "order-00022", "order-00021", "order-00020"]);
    assert_eq!(selected(&console), "order-00017", "the cursor keeps its row");
    assert!(!console.screen().contains("new (n"), "{}", console.screen());
    console.keys("n");
    assert!(console.screen().contains("No new rows are waiting."), "{}", console.screen());
}

#[test]
fn at_the_top_and_while_following_rows_come_in_at_once() {
    let mut console = listed(orders(20, 20));
    answer(&mut console, "", Ok(page(orders(21, 20), None)));
    assert_eq!((ids(&console)[0].as_str(), selected(&console).as_str()), ("order-00021", "order-00021"));
    console.keys("jjF");
    assert_eq!(selected(&console), "order-00021", "following means the newest");
    answer(&mut console, "", Ok(page(orders(22, 20), None)));
    assert_eq!(selected(&console), "order-00022");
}

#[test]
fn a_list_that_nobody_pages_is_never_longer_than_its_first_page() {
    let mut console = listed(orders(20, 20));
    for newest in 21..200 {
        answer(&mut console, "", Ok(page(orders(newest, 20), None)));
    }
    let shown = ids(&console);
    assert_eq!((shown.len(), shown[0].as_str()), (20, "order-00199"), "{}", console.screen());
}

#[test]
fn a_row_that_changes_does_so_in_its_place() {
    let mut console = listed(orders(20, 20));
    console.keys("jj");
    let mut rows = orders(20, 20);
    rows[5].status = ExecutionStatus::Failed;
    answer(&mut console, "", Ok(page(rows, None)));
    let screen = console.screen();
    let line = screen.lines().find(|line| line.contains("order-00015")).unwrap();
    assert!(line.contains("✗ failed"), "{screen}");
    assert_eq!(ids(&console)[5], "order-00015");
    assert_eq!(selected(&console), "order-00018");
}

#[test]
fn typing_a_filter_narrows_and_leaving_it_gives_everything_back() {
    let mut rows = orders(20, 18);
    rows.push(row("prod-checkout-42", "ProductionReadinessWorkflow"));
    rows.push(row("prod-search-7", "ProductionReadinessWorkflow"));
    let mut console = listed(rows);
    console.keys("/chkout");
    let screen = console.screen();
    assert!(screen.contains("prod-checkout-42") && !screen.contains("prod-search"), "{screen}");
    assert!(screen.contains("1 of 20 loaded match"), "{screen}");
    console.keys("<esc>/'prod");
    assert!(console.screen().contains("2 of 20 loaded match"), "{}", console.screen());
    console.keys("<down>");
    assert_eq!(selected(&console), "prod-search-7", "the cursor moves while the filter is typed");
    console.keys("<enter>k");
    assert_eq!(selected(&console), "prod-checkout-42", "the filter stays when the keys move on");
    console.keys("/zzz");
    let screen = console.screen();
    assert!(screen.contains("Nothing that is loaded matches. Esc shows everything again."), "{screen}");
    console.keys("<esc>");
    assert!(console.screen().contains("20 workflows"), "{}", console.screen());
}

#[test]
fn sorting_goes_through_the_columns_and_turns_round_with_the_cursor_on_its_row() {
    let mut rows = orders(3, 3);
    rows[0].workflow_type = "B".into();
    rows[1].workflow_type = "C".into();
    rows[2].workflow_type = "A".into();
    let mut console = listed(rows);
    console.keys("j");
    assert_eq!(selected(&console), "order-00002");
    console.keys("s");
    assert!(console.screen().contains("by id"), "{}", console.screen());
    assert_eq!(ids(&console), ["order-00001", "order-00002", "order-00003"]);
    console.keys("s");
    assert_eq!(ids(&console), ["order-00001", "order-00003", "order-00002"]);
    console.keys("o");
    assert!(console.screen().contains("by type ↑"), "{}", console.screen());
    assert_eq!(ids(&console), ["order-00002", "order-00003", "order-00001"]);
    assert_eq!(selected(&console), "order-00002");
    console.keys("ssss");
    assert_eq!(ids(&console), ["order-00003", "order-00002", "order-00001"], "back to the server's order");
}

#[test]
fn a_query_completes_attributes_and_asks_the_server() {
    let mut console = listed(orders(20, 5));
    console.keys("<C-v>heal");
    assert!(console.screen().contains("Tab health"), "{}", console.screen());
    console.keys("<tab> = 'stuck' AND gat");
    assert!(console.screen().contains("Tab gates  gateDeadline"), "{}", console.screen());
    console.keys("<tab>s IS NOT NULL<enter>");
    let query = "health = 'stuck' AND gates IS NOT NULL";
    assert!(console.watched.iter().any(|(interest, _)| *interest == Interest::Workflows { query: query.to_owned() }));
    assert!(console.screen().contains("order-00020"), "the old rows stay until the answer: {}", console.screen());
    answer(&mut console, query, Ok(page(Vec::new(), None)));
    let screen = console.screen();
    assert!(screen.contains("No workflow matches the query. Ctrl-v edits it."), "{screen}");
    assert!(screen.contains(query), "the title names what is asked: {screen}");
}

#[test]
fn a_saved_query_is_one_key_away_and_the_title_has_its_name() {
    let mut console = listed(orders(20, 5));
    console.keys("v");
    let failed = "ExecutionStatus = 'Failed'";
    let asks = |console: &Driven, query: &str| {
        console.watched.iter().any(|(interest, _)| *interest == Interest::Workflows { query: query.to_owned() })
    };
    assert!(asks(&console, failed));
    assert!(console.screen().contains("· view failed"), "{}", console.screen());
    answer(&mut console, failed, Ok(page(orders(7, 1), None)));
    assert_eq!(ids(&console), ["order-00007"]);
    console.keys("v");
    assert!(asks(&console, ""), "after the last comes everything");
    assert!(!console.screen().contains("view failed"), "{}", console.screen());
}

#[test]
fn only_who_accepts_a_query_sends_it() {
    let mut console = listed(orders(20, 5));
    console.asked();
    console.keys("<C-v>health = 'stuck'<s-tab>");
    let watched = |console: &Driven| {
        console
            .watched
            .iter()
            .any(|(interest, _)| matches!(interest, Interest::Workflows { query } if !query.is_empty()))
    };
    assert!(!watched(&console), "the key of the field before sends nothing");
    console.keys(" OR health = 'degraded'");
    assert!(console.screen().contains("health = 'stuck' OR health = 'degraded'"), "{}", console.screen());
    console.keys("<enter>");
    assert!(watched(&console));
}

/// As in a shell: Ctrl-u to the beginning of the line, Ctrl-w a word, Ctrl-k to its end, Ctrl-a and Ctrl-e for its ends.
#[test]
fn keys_of_a_line_editor_edit_a_filter_and_a_query_and_move_no_list() {
    let mut console = listed(orders(50, 40));
    console.keys("<down><down>");
    console.keys("/order<C-u>");
    assert_eq!(selected(&console), "order-00048", "the list was not paged");
    console.keys("0004<C-a>order-");
    assert!(console.screen().contains("/ order-0004"), "{}", console.screen());
    console.keys("<C-e>9 zzz<C-w>");
    assert!(console.screen().contains("1 of 40 loaded match"), "{}", console.screen());
    console.keys("<home><C-k>");
    assert!(!console.screen().contains("/ o"), "{}", console.screen());
    console.keys("<esc><C-v>phase = 'x'<C-u>health IS NULL<enter>");
    let query = "health IS NULL".to_owned();
    assert!(console.watched.iter().any(|(interest, _)| *interest == Interest::Workflows { query: query.clone() }));
}

#[test]
fn what_is_wrong_with_a_query_is_said_beside_the_rows_and_can_be_corrected() {
    let mut console = listed(orders(20, 5));
    console.keys("<C-v>phase =<enter>");
    let failure =
        Failure::new(FailureKind::Invalid, "Cannot list workflows: invalid query.", "Correct what was asked for.");
    answer(&mut console, "phase =", Err(failure));
    let screen = console.screen();
    assert!(screen.contains("Cannot list workflows: invalid query. Correct what was asked for."), "{screen}");
    assert!(screen.contains("order-00020"), "{screen}");
    assert!(
        screen.contains("5 rows of the last good query · asked: phase ="),
        "whose rows these are is said: {screen}"
    );
    console.keys("<C-v> 'qa'<enter>");
    answer(&mut console, "phase = 'qa'", Ok(page(orders(7, 1), None)));
    let screen = console.screen();
    assert!(!screen.contains("invalid query") && !screen.contains("last good query"), "{screen}");
    assert_eq!(ids(&console), ["order-00007"]);
    console.keys("<C-v> nonsense<esc>");
    assert!(console.screen().contains("phase = 'qa'"), "leaving the field asks nothing: {}", console.screen());
    assert!(!console.screen().contains("nonsense"), "{}", console.screen());
}

#[test]
fn later_pages_are_fetched_when_the_cursor_comes_near_and_only_once() {
    let mut console = Driven::new(120, 36);
    console.keys("3");
    answer(&mut console, "", Ok(page(orders(10_000, 100), Some("second"))));
    console.asked();
    let fetch = Fetch::MoreWorkflows { query: String::new(), after: token("second") };
    console.keys("G");
    assert_eq!(console.asked(), [Effect::Fetch(fetch.clone())]);
    console.keys("kjkj");
    assert_eq!(console.asked(), [], "it is being fetched already");

    // A page that fails is asked for again when the cursor moves.
    let failed = Answer::Workflows {
        query: String::new(),
        result: Err(Failure::new(FailureKind::Unavailable, "Cannot list workflows.", "")),
    };
    console.event(Event::Fetched { fetch: fetch.clone(), answer: Box::new(failed) });
    console.keys("k");
    assert_eq!(console.asked(), [Effect::Fetch(fetch.clone())]);

    // The second page overlaps the first: what came meanwhile has pushed rows down.
    let answer = Answer::Workflows { query: String::new(), result: Ok(page(orders(9_905, 9_905), None)) };
    console.event(Event::Fetched { fetch, answer: Box::new(answer) });
    assert!(console.screen().contains("10000 workflows"), "{}", console.screen());
    console.keys("G");
    assert_eq!(selected(&console), "order-00001");
    console.keys("gg");
    assert_eq!(selected(&console), "order-10000");
    assert_eq!(console.asked(), []);
}

#[test]
fn hostile_and_wide_ids_neither_write_to_the_terminal_nor_shift_the_columns() {
    let hostile = [
        "order-\u{202e}drow\u{1b}]0;owned\u{7}".to_owned(),
        "order-注文-ご注文はこちら-漢字漢字漢字漢字漢字漢字漢字漢字".to_owned(),
        "order-👩\u{200d}👩\u{200d}👧-e\u{301}e\u{301}".to_owned(),
        format!("order-{}", "x".repeat(1000)),
        "order-\n\r\tline".to_owned(),
    ];
    for (width, height) in [(60, 15), (80, 24), (200, 50)] {
        let mut console = Driven::new(width, height);
        console.keys("3");
        // As the gateway hands them on.
        let rows = hostile.iter().map(|id| row(&text::id(id), "OrderWorkflow")).collect();
        answer(&mut console, "", Ok(page(rows, None)));
        let screen = console.screen();
        assert!(!screen.contains(['\u{202e}', '\u{1b}', '\u{7}', '\t', '\r']), "{screen}");
        // One cell, one string: the column of a sign is the number of characters before it, marks that join apart.
        let column = |line: &str| {
            let joins = |c: &char| !matches!(c, '\u{200d}' | '\u{301}');
            let before = line.split('●').next().unwrap();
            before.chars().filter(joins).count() - before.matches("👩\u{200d}👩\u{200d}👧").count() * 2
        };
        let states: Vec<usize> = screen.lines().filter(|line| line.contains("● running")).map(column).collect();
        assert_eq!(states.len(), hostile.len(), "{screen}");
        assert!(states.iter().all(|at| *at == states[0]), "{states:?}\n{screen}");
    }
}
