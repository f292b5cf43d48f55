//! The frame: what is fresh, what is old, what is too small, what leaves.

use gatewatch::console::effect::{Effect, Interest};
use gatewatch::console::event::{Answer, Event, Overview, Whole};
use gatewatch::console::world::Upstream;
use gatewatch::contracts::failure::{Failure, FailureKind};
use gatewatch::contracts::health::HealthStatus;
use gatewatch::contracts::http::RollbackOutcome;
use gatewatch::contracts::link::Link;
use gatewatch::contracts::mutation::Done;
use gatewatch::contracts::workflow::{ExecutionStatus, HistoryPage, WorkflowCounts, WorkflowPage};

use crate::console::deployment::fixture::{Story, checkout};
use crate::console::drive::{Driven, noon};
use crate::console::history::story;
use crate::console::rig::at;
use crate::console::world::{described, later, live, overview, row, waiting};

#[test]
fn the_first_screen_says_what_it_waits_for() {
    let console = Driven::new(80, 24);
    let screen = console.screen();
    assert!(screen.contains("shop-prod"), "{screen}");
    assert!(screen.contains("Asking 127.0.0.1:7233"), "{screen}");
}

#[test]
fn fresh_data_has_no_age_and_old_data_does() {
    let mut console = Driven::new(80, 24);
    console.overview(overview(vec![waiting("prod-checkout-42", "aa")], Vec::new()));
    assert!(console.screen().contains("● temporal "), "{}", console.screen());
    console.pass(30_000);
    assert!(console.screen().contains("▲ temporal 30s"), "{}", console.screen());
    assert!(console.screen().contains("production appro"), "old data stays: {}", console.screen());
}

#[test]
fn what_is_as_it_was_is_fresh_again_and_is_not_drawn_again() {
    let mut console = Driven::new(80, 24);
    console.overview(overview(Vec::new(), Vec::new()));
    let same = console.same(&Interest::Overview);
    assert!(!console.model.shows(&same), "nothing on the screen can have changed");
    console.pass(30_000);
    assert!(console.screen().contains("▲ temporal 30s"), "{}", console.screen());
    assert!(console.model.shows(&same), "what is old is told to be");
    console.event(same);
    assert!(console.screen().contains("● temporal "), "{}", console.screen());
}

#[test]
fn a_deadline_that_comes_near_is_notified_when_nothing_else_happens() {
    let mut console = Driven::new(80, 24);
    console.overview(overview(vec![waiting("prod-checkout-42", "aa")], Vec::new()));
    console.effects.clear();
    let same = console.same(&Interest::Overview);
    console.event(same.clone());
    assert!(console.effects.is_empty(), "{:?}", console.effects);
    console.pass(258_960_000 - 800_000);
    console.event(same);
    assert!(matches!(console.effects.as_slice(), [Effect::Notify(_)]), "{:?}", console.effects);
}

#[test]
fn a_lost_link_is_told_with_its_reason_and_the_rows_stay() {
    let mut console = Driven::new(120, 36);
    console.overview(overview(vec![waiting("prod-checkout-42", "aa")], Vec::new()));
    console.pass(48_000);
    let failure = Failure::new(FailureKind::Unavailable, "connection refused", "");
    let down = Link::Down { failure, since: noon(), retry_at: later(52), attempt: 3 };
    console.event(Event::Link { upstream: Upstream::Temporal, link: down });
    let screen = console.screen();
    assert!(screen.contains("✗ temporal 48s: connection refused, retry in 4s"), "{screen}");
    assert!(screen.contains("prod-checkout-42"), "{screen}");
}

#[test]
fn an_answer_to_an_earlier_question_is_dropped() {
    let mut console = Driven::new(80, 24);
    console.keys("3");
    let before = console.watched.clone();
    let stale = before.iter().find(|(interest, _)| matches!(interest, Interest::Workflows { .. })).unwrap().1;
    console.keys("1");
    let answer = Answer::Workflows { query: String::new(), result: Err(Failure::new(FailureKind::Invalid, "old", "")) };
    console.event(Event::Answer { generation: stale, answer: Box::new(answer) });
    console.keys("3");
    assert!(!console.screen().contains("old"), "{}", console.screen());
}

#[test]
fn a_history_opened_from_its_workflow_is_told_from_the_beginning() {
    let mut console = Driven::new(120, 36);
    let deployment = row("deploy-checkout-v42", "ProductionDeploymentWorkflow");
    console.open_workflow(&deployment);
    console.describe(described(deployment));
    let history = |interest: &Interest| matches!(interest, Interest::History { .. });
    let page = || {
        let mut events = story();
        events.reverse();
        let result = Ok(HistoryPage { events, next: None });
        Answer::History { workflow: "deploy-checkout-v42".into(), result }
    };
    let generation = |console: &Driven| console.watched.iter().find(|(interest, _)| history(interest)).unwrap().1;
    console.answer(history, page());
    assert!(console.screen().contains("createProductionBackup"), "{}", console.screen());
    // A watcher tells the newest page when it begins, and then only what follows.
    let before = generation(&console);
    console.keys("5");
    assert_ne!(generation(&console), before, "nobody would tell this screen the newest page");
    console.answer(history, page());
    assert!(console.screen().contains("createProductionBackup"), "{}", console.screen());
}

#[test]
fn a_long_filter_stays_inside_the_border() {
    let mut console = Driven::new(80, 24);
    console.keys("3/");
    console.event(Event::Paste("checkout ".repeat(12)));
    console.keys("<enter>");
    let screen = console.screen();
    let typed = screen.lines().find(|line| line.contains("/ checkout")).unwrap();
    assert!(typed.ends_with('│'), "{screen}");
}

#[test]
fn too_small_says_so_and_goes_on_working() {
    let mut console = Driven::new(50, 10);
    assert!(console.screen().contains("50×10 is too small"), "{}", console.screen());
    console.event(Event::Resize { width: 80, height: 24 });
    assert!(console.screen().contains("What needs somebody now"), "{}", console.screen());
    console.event(Event::Resize { width: 20, height: 3 });
    console.keys("q");
    assert_eq!(console.asked(), [Effect::Quit]);
}

#[test]
fn a_key_that_does_nothing_says_so() {
    let mut console = Driven::new(80, 24);
    console.keys("Z");
    assert!(console.screen().contains("That key does nothing here"), "{}", console.screen());
    console.keys("a");
    assert!(console.screen().contains("Which gates are open is not known yet"), "{}", console.screen());
}

#[test]
fn rollback_goes_to_the_only_live_deployment_from_anywhere() {
    let mut console = Driven::new(120, 36);
    console.overview(overview(Vec::new(), vec![live("deploy-search-7", HealthStatus::Watching)]));
    console.keys("3R");
    let shown = gatewatch::console::screen::Place::Deployment(Some("deploy-search-7".into()));
    assert_eq!(console.model.place, shown);
    assert!(!console.asked().iter().any(|effect| matches!(effect, Effect::Mutate(_))), "the first press only shows");
}

fn mutations(console: &mut Driven) -> usize {
    console.asked().iter().filter(|effect| matches!(effect, Effect::Mutate(_))).count()
}

#[test]
fn a_preview_that_was_left_is_asked_again_before_anything_is_sent() {
    let mut console = Driven::new(120, 36);
    console.overview(overview(Vec::new(), vec![live("deploy-search-7", HealthStatus::Watching)]));
    for away in ["1", "2", "3"] {
        console.keys("R");
        console.keys(away);
        console.keys("R");
        assert_eq!(mutations(&mut console), 0, "one press after {away} rolled back");
        console.keys(away);
    }
    console.keys("4R");
    assert_eq!(mutations(&mut console), 0, "the first press on the screen itself shows");
    console.keys("R");
    assert_eq!(mutations(&mut console), 1, "the second one counts");
}

#[test]
fn a_rollback_that_could_not_be_sent_is_sent_again_only_where_it_is_seen_and_by_a_hand() {
    let mut console = Driven::new(120, 36);
    console.overview(overview(Vec::new(), vec![live("deploy-search-7", HealthStatus::Watching)]));
    console.keys("RR");
    let sent = console.asked();
    let Some(Effect::Mutate(mutation)) = sent.iter().find(|effect| matches!(effect, Effect::Mutate(_))) else {
        panic!("nothing was sent: {sent:?}")
    };
    let failure = Failure::new(FailureKind::Unavailable, "no answer", "");
    console.event(Event::Mutated { id: mutation.id().to_owned(), result: Err(failure) });
    console.keys("1R");
    assert_eq!(mutations(&mut console), 0, "it was out of sight");
    console.burst("R1");
    assert_eq!(mutations(&mut console), 0, "a script is not a person");
    console.keys("4R");
    assert_eq!(mutations(&mut console), 0, "whoever comes back is asked again");
    console.keys("R");
    assert_eq!(mutations(&mut console), 1);
}

fn lost(since: gatewatch::contracts::clock::Timestamp) -> Link {
    let failure = Failure::new(FailureKind::Unavailable, "Temporal does not answer.", "");
    Link::Down { failure, since, retry_at: since, attempt: 1 }
}

/// On the deployment, with the rollback asked for and not sent, because Temporal does not answer.
fn unsent() -> Driven {
    let mut console = Driven::new(120, 36);
    let deployment = checkout(&Story::quiet(at(192)));
    console.overview(overview(Vec::new(), vec![deployment.row.clone()]));
    console.keys("4RR");
    let sent = console.asked();
    let [Effect::Mutate(mutation)] = sent.as_slice() else { panic!("{sent:?}") };
    console.event(Event::Link { upstream: Upstream::Temporal, link: lost(console.now) });
    let failure = Failure::new(FailureKind::Unavailable, "Temporal does not answer.", "");
    console.event(Event::Mutated { id: mutation.id().to_owned(), result: Err(failure) });
    assert!(console.screen().contains("rollback not sent · R sends the same request again"), "{}", console.screen());
    console.asked();
    console
}

/// "R sends the same request again" holds only while that is in front of the person and as it was.
#[test]
fn what_could_not_be_sent_is_asked_anew_once_it_is_not_what_is_looked_at() {
    let mut console = unsent();
    console.keys("R");
    assert_eq!(mutations(&mut console), 1, "while it is looked at, one key sends it again");

    for (turned_away, keys) in
        [("read", "d"), ("closed", "<esc>"), ("left and come back", "14"), ("left for gates", "24")]
    {
        let mut console = unsent();
        console.keys(keys);
        assert!(!console.screen().contains("not sent"), "{turned_away}:\n{}", console.screen());
        console.keys("R");
        assert_eq!(mutations(&mut console), 0, "{turned_away}: the first press shows");
        assert!(console.screen().contains("Roll back checkout v42 → v41?"), "{turned_away}:\n{}", console.screen());
        console.keys("R");
        assert_eq!(mutations(&mut console), 1, "{turned_away}: the second one counts");
    }

    let mut console = unsent();
    console.event(Event::Link { upstream: Upstream::Temporal, link: Link::Up { since: console.now } });
    assert!(!console.screen().contains("R sends the same"), "Temporal is back:\n{}", console.screen());
    console.keys("R");
    assert_eq!(mutations(&mut console), 0, "Temporal is back: the first press shows");
    assert!(console.screen().contains("R rolls back now"), "{}", console.screen());
}

#[test]
fn a_preview_promises_nothing_while_temporal_is_silent() {
    let mut console = Driven::with(120, 36, |profile| profile.coordinator = true);
    let deployment = checkout(&Story::quiet(at(192)));
    console.overview(overview(Vec::new(), vec![deployment.row.clone()]));
    console.keys("4R");
    assert!(console.screen().contains("R rolls back now"), "{}", console.screen());
    console.event(Event::Link { upstream: Upstream::Temporal, link: lost(console.now) });
    console.pass(12_000);
    let shown = console.screen();
    assert!(shown.contains("▲ R cannot be sent now: Temporal has not answered for 12s"), "{shown}");
    assert!(shown.contains("R cannot be sent now   Esc"), "{shown}");
    assert!(!shown.contains("rolls back now"), "{shown}");
    console.event(Event::Link { upstream: Upstream::Coordinator, link: Link::Up { since: console.now } });
    let shown = console.screen();
    assert!(shown.contains("Temporal has not answered for 12s: R goes through the coordinator"), "{shown}");
    console.event(Event::Link { upstream: Upstream::Temporal, link: Link::Up { since: console.now } });
    assert!(console.screen().contains("R rolls back now"), "{}", console.screen());
}

#[test]
fn a_rollback_that_waits_for_a_worker_is_told_and_says_why_the_watch_cannot_be_changed() {
    let mut console = Driven::new(120, 36);
    console.pass(7_440_000);
    let deployment = checkout(&Story::quiet(at(240)));
    console.overview(overview(Vec::new(), vec![deployment.row.clone()]));
    console.keys("4");
    console.describe(deployment);
    assert!(!console.screen().contains("asked for and waits"), "{}", console.screen());
    console.keys("RR");
    assert_eq!(mutations(&mut console), 1);
    console.keys("1");
    let shown = console.screen();
    assert!(shown.contains("checkout v42 → production: a rollback is asked for and waits: no look for"), "{shown}");
    console.keys("4");
    for key in ["E", "p"] {
        console.keys(key);
        assert!(console.screen().contains("A rollback is asked for"), "{key}:\n{}", console.screen());
    }
}

/// What is over is no target, whatever is selected.
#[test]
fn nothing_is_offered_to_roll_back_where_nothing_is_live() {
    let mut console = Driven::new(120, 36);
    let mut over = checkout(&Story::verified(at(250)));
    over.row.status = ExecutionStatus::Completed;
    let troubled = vec![over.row.clone()];
    console.overview(Overview { troubled, ..overview(Vec::new(), Vec::new()) });
    console.keys("<enter>");
    console.describe(over);
    assert!(!console.screen().contains("R roll back"), "{}", console.screen());
    console.keys("1");
    assert!(!console.screen().contains("R roll back"), "{}", console.screen());
    console.keys("R");
    assert!(console.screen().contains("No deployment is live"), "{}", console.screen());
}

#[test]
fn the_palette_rolls_back_only_for_a_person() {
    let mut console = Driven::new(120, 36);
    console.overview(overview(Vec::new(), vec![live("deploy-search-7", HealthStatus::Watching)]));
    console.keys("R");
    console.burst(":roll<enter>");
    assert_eq!(mutations(&mut console), 0, "a script is not a person");
    console.keys("<esc>4R:roll");
    console.burst("<enter>j");
    assert_eq!(mutations(&mut console), 0, "the key that follows takes it back");
    console.keys(":roll<enter>");
    assert_eq!(mutations(&mut console), 1);
}

/// Whatever else is selected, on whichever screen: the key means the only live deployment, and the preview names it.
#[test]
fn from_every_screen_the_key_means_the_only_live_deployment_and_the_preview_names_it() {
    let goal = || row("goal-7", "EngineWorkflow");
    let ways: [(&str, &str); 8] = [
        ("now, on a gate", ""),
        ("gates", "2"),
        ("workflows", "3"),
        ("workflow", "3<enter>"),
        ("history", "35"),
        ("steps", "3j6"),
        ("deployment", "4"),
        ("agents", "7"),
    ];
    for (screen, keys) in ways {
        let mut console = Driven::new(120, 36);
        let deployment = checkout(&Story::quiet(at(192)));
        console.overview(overview(vec![waiting("prod-basket-9", "aa")], vec![deployment.row.clone()]));
        for key in keys.split_inclusive(['3', '>']) {
            console.keys(key);
            if key == "3" {
                let rows = vec![waiting("prod-basket-9", "aa"), goal()];
                let answer = Answer::Workflows { query: String::new(), result: Ok(WorkflowPage { rows, next: None }) };
                console.answer(|interest| matches!(interest, Interest::Workflows { .. }), answer);
            }
        }
        if screen != "deployment" {
            let hint = console.screen().lines().last().unwrap().to_owned();
            assert!(hint.contains("R roll back checkout v42"), "{screen}: {hint}");
        }
        console.keys("R");
        assert_eq!(mutations(&mut console), 0, "{screen}: the first press shows");
        let shown = console.screen();
        assert!(shown.contains("┏ deploy-checkout-v42 · ProductionDeploymentWorkflow"), "{screen}:\n{shown}");
        assert!(shown.contains("Roll back checkout v42 → v41?"), "{screen}:\n{shown}");
        console.keys("R");
        let sent = console.asked();
        let [Effect::Mutate(mutation)] = sent.as_slice() else { panic!("{screen}: {sent:?}") };
        assert_eq!(mutation.workflow(), Some(&deployment.row.id), "{screen}");
    }
}

#[test]
fn with_two_live_the_person_says_which() {
    let mut console = Driven::new(120, 36);
    let rows = vec![live("deploy-a", HealthStatus::Watching), live("deploy-b", HealthStatus::Watching)];
    console.overview(overview(Vec::new(), rows));
    console.keys("3R");
    assert!(console.screen().contains("2 deployments are live: select one first."), "{}", console.screen());
}

#[test]
fn the_alert_names_the_key_that_means_the_one_it_tells_of() {
    let mut console = Driven::new(80, 24);
    let rows = vec![live("deploy-a", HealthStatus::Watching), live("deploy-b", HealthStatus::Degraded)];
    console.overview(overview(Vec::new(), rows));
    // The cursor is on the other one: in a list the key means what fails.
    assert!(console.screen().contains("degraded · R now"), "{}", console.screen());
    console.keys("R");
    let shown = gatewatch::console::screen::Place::Deployment(Some("deploy-b".into()));
    assert_eq!(console.model.place, shown);
    assert!(console.screen().contains("degraded · R now"), "{}", console.screen());
}

#[test]
fn of_two_that_are_unwell_the_keys_of_the_alert_mean_the_one_it_names() {
    let mut console = Driven::new(120, 36);
    let rows = vec![live("deploy-a", HealthStatus::Degraded), live("deploy-b", HealthStatus::Stuck)];
    console.overview(overview(Vec::new(), rows));
    // The cursor is on the first, the alert is about the second.
    assert!(console.screen().contains("deploy-b: the rollback is stuck and wants a person · 4 to see"));
    console.keys("4");
    let shown = gatewatch::console::screen::Place::Deployment(Some("deploy-b".into()));
    assert_eq!(console.model.place, shown);
    assert_eq!(gatewatch::console::act::rollback_target(&console.model), Ok("deploy-b".into()));

    // A description that is newer than the list says that it is well again: the alert goes on to the other.
    console.describe(described(live("deploy-b", HealthStatus::RolledBack)));
    assert!(console.screen().contains("deploy-a: degraded · 4 shows it"), "{}", console.screen());
    console.keys("4");
    assert!(console.screen().contains("deploy-a: degraded · R now"), "{}", console.screen());
}

#[test]
fn the_palette_finds_by_name_and_says_why_not() {
    let mut console = Driven::new(80, 24);
    console.keys(":rollb");
    let screen = console.screen();
    assert!(screen.contains("roll back"), "{screen}");
    assert!(screen.contains("No deployment is live"), "{screen}");
    console.keys("<esc>:workfl<enter>");
    assert!(console.screen().contains("▸3 Workflows"), "{}", console.screen());
}

#[test]
fn an_alert_that_comes_with_time_does_not_cover_the_row_of_the_cursor() {
    let mut console = Driven::new(80, 15);
    let gates: Vec<_> = (0..30).map(|nth| waiting(&format!("prod-{nth:02}"), "aa")).collect();
    console.overview(overview(gates, Vec::new()));
    // To the last row that fits.
    let rows = |console: &Driven| console.screen().lines().filter(|line| line.contains("prod-")).count();
    for _ in 1..rows(&console) {
        console.keys("j");
    }
    let under = |console: &Driven| console.screen().lines().any(|line| line.contains('▸') && line.contains("prod-"));
    assert!(under(&console), "{}", console.screen());
    let height = console.model.body().height;
    // Less than a quarter of an hour before the first deadline.
    console.pass(258_960_000 - 800_000);
    assert_eq!(console.model.body().height, height - 1, "an alert took a line");
    assert!(under(&console), "{}", console.screen());
}

#[test]
fn a_tab_says_when_there_is_more_than_it_counts_and_counts_what_is_listed() {
    let mut console = Driven::new(120, 36);
    let all = overview(vec![waiting("prod-checkout-42", "aa")], vec![live("deploy-a", HealthStatus::Watching)]);
    console.overview(Overview { all_live: Whole::No, ..all });
    let tabs = |console: &Driven| console.screen().lines().nth(1).unwrap().to_owned();
    assert!(tabs(&console).contains("2 Gates 1  "), "{}", tabs(&console));
    assert!(tabs(&console).contains("4 Deployment 1+"), "{}", tabs(&console));
    console.keys("3");
    let counts = WorkflowCounts { total: 41, by_status: Vec::new() };
    let answer = Answer::Counts { query: String::new(), result: Ok(counts) };
    console.answer(|interest| matches!(interest, Interest::Workflows { .. }), answer);
    assert!(tabs(&console).contains("3 Workflows 41"), "{}", tabs(&console));
    // Another query is not counted yet.
    console.model.stage.workflows.query = "WorkflowType = 'X'".to_owned();
    assert!(!tabs(&console).contains("41"), "{}", tabs(&console));
}

#[test]
fn the_production_tag_is_in_the_frame() {
    let mut console = Driven::new(80, 24);
    console.overview(overview(vec![waiting("prod-checkout-42", "aa")], Vec::new()));
    assert!(console.screen().contains("PRODUCTION"), "{}", console.screen());
    console.keys("3");
    assert!(!console.screen().contains("PRODUCTION"), "{}", console.screen());
}

#[test]
fn a_message_does_not_push_out_the_keys_that_act() {
    let mut console = Driven::new(80, 24);
    console.overview(overview(vec![waiting("prod-checkout-42", "aa")], Vec::new()));
    console.keys("2");
    console.event(Event::Said("The live version has the fault `errors` now, as was asked for.".to_owned()));
    let screen = console.screen();
    assert!(screen.contains("a approve") && screen.contains("e more evidence"), "{screen}");
    assert!(screen.contains("✓ The live version has the fault `errors` now, as was asked for."), "{screen}");
}

/// What passes goes by itself; what only a person mends stays, and so does what they wanted and did not get, until there
/// is news of it.
#[test]
fn an_error_stays_as_long_as_it_is_so() {
    let mut console = Driven::new(120, 36);
    let failed = |kind, text: &str| Event::Failed(Failure::new(kind, text, ""));
    console.event(failed(FailureKind::Unavailable, "The fault was not switched."));
    console.event(failed(FailureKind::Invalid, "dark.toml:3: no such role."));
    let shown = console.screen();
    assert!(shown.contains("✗ The fault was not switched.") && shown.contains("✗ dark.toml:3"), "{shown}");
    console.pass(60_000);
    let shown = console.screen();
    assert!(!shown.contains("fault was not switched") && shown.contains("✗ dark.toml:3"), "{shown}");
    console.keys("d");
    assert!(!console.screen().contains("dark.toml:3"), "{}", console.screen());

    console.overview(overview(Vec::new(), vec![live("deploy-search-7", HealthStatus::Watching)]));
    console.keys("RR1");
    let failed = sent_one(&mut console);
    let failure = Failure::new(FailureKind::Unavailable, "Temporal does not answer.", "");
    console.event(Event::Mutated { id: failed.clone(), result: Err(failure) });
    console.pass(3_600_000);
    assert!(console.screen().contains("not done. Temporal does not answer."), "{}", console.screen());
    // Whoever tries again does so under another id.
    console.keys("RR1");
    let again = sent_one(&mut console);
    assert_ne!(again, failed);
    assert!(console.screen().contains("not done. Temporal does not answer."), "{}", console.screen());
    let result = Ok(Done::RolledBack { result: RollbackOutcome::InDoubt { request_id: again.as_str().into() } });
    console.event(Event::Mutated { id: again, result });
    let shown = console.screen();
    assert!(!shown.contains("not done") && shown.contains("asked for durably"), "{shown}");
}

/// The id of the one mutation that was sent.
fn sent_one(console: &mut Driven) -> String {
    let sent = console.asked();
    let ids = sent.iter().filter_map(|effect| match effect {
        Effect::Mutate(mutation) => Some(mutation.id().to_owned()),
        _ => None,
    });
    let ids: Vec<_> = ids.collect();
    let [id] = ids.as_slice() else { panic!("{sent:?}") };
    id.clone()
}
