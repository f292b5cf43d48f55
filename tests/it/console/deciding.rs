//! From a key to a decision: what is sent, what is asked first, and what never counts as a yes.

use gatewatch::console::effect::{Effect, Interest};
use gatewatch::console::event::Event;
use gatewatch::console::world::Upstream;
use gatewatch::contracts::decision::{Outcome, Refusal, RefusalCode, Verdict};
use gatewatch::contracts::failure::{Failure, FailureKind};
use gatewatch::contracts::health::HealthStatus;
use gatewatch::contracts::ids::{DecisionId, EvidenceDigest, GateId, WorkflowId};
use gatewatch::contracts::link::Link;
use gatewatch::contracts::mutation::Done;

use crate::console::drive::{Driven, noon};
use crate::console::world::{applied, described, live, overview, waiting};

fn at_the_gate() -> Driven {
    let mut console = Driven::new(80, 24);
    console.overview(overview(vec![waiting("prod-checkout-42", "5d2cabcdef91")], Vec::new()));
    console.keys("2");
    console.asked();
    console
}

#[test]
fn approving_takes_two_keys_and_carries_what_was_seen() {
    let mut console = at_the_gate();
    console.keys("a");
    assert_eq!(console.decisions(), [], "the question comes first");
    assert!(console.screen().contains("Approve production approval?"), "{}", console.screen());
    console.keys("<enter>");
    let sent = console.decisions();
    let [request] = sent.as_slice() else { panic!("one decision, not {sent:?}") };
    assert_eq!(request.workflow_id, WorkflowId::new("prod-checkout-42"));
    assert_eq!(request.gate, GateId::new("production-approval"));
    assert_eq!(request.verdict, Verdict::Approve);
    assert_eq!(request.evidence, Some(EvidenceDigest::new("5d2cabcdef91")));
}

/// Whoever is on a gate means that one: when it closes under the cursor, no other one's card opens.
#[test]
fn a_gate_that_closes_under_the_cursor_is_no_other_gate() {
    for key in ["a", "x", "e"] {
        let mut console = Driven::new(80, 24);
        let two = vec![waiting("prod-basket-9", "aa"), waiting("prod-checkout-42", "5d2cabcdef91")];
        console.overview(overview(two, Vec::new()));
        let mut gone = waiting("prod-basket-9", "aa");
        gone.gates.clear();
        gone.published.as_mut().unwrap().gates.clear();
        console.describe(described(gone));
        console.keys(key);
        let screen = console.screen();
        assert!(screen.contains("This gate is not open any more."), "{key}: {screen}");
        assert!(!screen.contains("production approval?"), "{key}: {screen}");
        console.keys("<enter>");
        assert_eq!(console.decisions(), [], "{key}");
    }
}

/// Of a gate that nobody is on, the list tells enough; what is asked about is looked at.
#[test]
fn a_gate_is_looked_at_while_the_cursor_or_a_question_is_on_it() {
    let mut console = Driven::new(80, 24);
    let live = vec![live("deploy-search-7", HealthStatus::Watching)];
    console.overview(overview(vec![waiting("prod-checkout-42", "5d2cabcdef91")], live));
    let gate = Interest::Workflow("prod-checkout-42".into());
    let is_looked_at = |console: &Driven| console.watched.iter().any(|(interest, _)| *interest == gate);
    assert!(is_looked_at(&console), "the cursor is on it");
    console.keys("j");
    assert!(!is_looked_at(&console), "{:?}", console.watched);
    console.keys("a");
    assert!(is_looked_at(&console), "its card is open");
    console.keys("<esc>");
    assert!(!is_looked_at(&console), "{:?}", console.watched);
}

/// On the first screen nothing needs to be selected where only one thing can be meant; the card names it.
#[test]
fn the_only_gate_need_not_be_selected() {
    let mut console = Driven::new(80, 24);
    let live = || vec![live("deploy-search-7", HealthStatus::Watching)];
    console.overview(overview(vec![waiting("prod-checkout-42", "5d2cabcdef91")], live()));
    console.keys("j");
    assert!(console.screen().lines().last().unwrap().contains("a approve"), "{}", console.screen());
    console.keys("a");
    let screen = console.screen();
    assert!(screen.contains("Approve production approval?") && screen.contains("prod-checkout-42"), "{screen}");
    console.keys("<enter>");
    let sent = console.decisions();
    assert_eq!(sent.first().map(|request| request.workflow_id.as_str()), Some("prod-checkout-42"));

    // One that nobody can decide from here is no choice.
    let mut console = Driven::new(80, 24);
    let mut theirs = waiting("prod-basket-9", "aa");
    theirs.published = None;
    console.overview(overview(vec![waiting("prod-checkout-42", "5d2cabcdef91"), theirs.clone()], live()));
    console.keys("jja");
    assert!(console.screen().contains("Approve production approval?"), "{}", console.screen());

    let mut console = Driven::new(80, 24);
    let two = vec![waiting("prod-checkout-42", "5d2cabcdef91"), waiting("prod-basket-9", "aa")];
    console.overview(overview(two, live()));
    console.keys("jja");
    assert!(console.screen().contains("2 gates are open: select one first."), "{}", console.screen());
    console.overview(overview(vec![theirs], live()));
    console.keys("a");
    assert!(console.screen().contains("publishes no card"), "it says why: {}", console.screen());
    console.overview(overview(Vec::new(), live()));
    console.keys("a");
    assert!(console.screen().contains("No gate waits for anybody."), "{}", console.screen());
    assert_eq!(console.decisions(), []);
}

#[test]
fn a_second_yes_is_not_a_second_decision() {
    let mut console = at_the_gate();
    console.keys("a<enter><enter><enter>");
    assert_eq!(console.decisions().len(), 1);
}

#[test]
fn keys_faster_than_fingers_confirm_nothing() {
    let mut console = at_the_gate();
    console.burst("a<enter>");
    assert_eq!(console.decisions(), [], "a script is not a person");
    let mut console = at_the_gate();
    console.keys("a");
    console.burst("<enter><enter><enter><enter>");
    assert_eq!(console.decisions(), [], "a held key is not a person");
    console.keys("<enter>");
    assert_eq!(console.decisions().len(), 1, "one press, and a moment, is");
}

#[test]
fn a_clock_that_is_set_back_stops_nobody_from_deciding() {
    let mut console = at_the_gate();
    console.keys("a<esc>");
    console.set_clock(-3_600_000);
    console.keys("a<enter>");
    let sent = console.decisions();
    assert_eq!(sent.len(), 1, "an hour back, and keys still count");
    assert_eq!(console.model.now, console.now, "the clock on screen is the new one");
    console.pass(30_000);
    assert!(console.screen().contains("temporal 30s"), "what is old says so: {}", console.screen());
    // Twice in the same instant of the wall clock is not the same decision.
    let mut again = at_the_gate();
    let mut ids = Vec::new();
    for _ in 0..2 {
        again.keys("a<enter>");
        ids.extend(again.decisions().into_iter().map(|request| request.decision_id));
        again.keys("<esc>");
        again.set_clock(-1000);
    }
    assert_eq!(ids.len(), 2);
    assert_ne!(ids.first(), ids.last());
}

#[test]
fn what_cannot_be_seen_cannot_be_confirmed() {
    let mut console = at_the_gate();
    console.keys("a");
    console.event(Event::Resize { width: 50, height: 12 });
    console.keys("<enter>");
    assert_eq!(console.decisions(), [], "nothing is drawn at that size");
    console.event(Event::Resize { width: 80, height: 24 });
    assert!(console.screen().contains("too small to show"), "{}", console.screen());
    console.keys("<enter>");
    assert_eq!(console.decisions().len(), 1);
}

#[test]
fn a_question_that_does_not_fit_says_how_much_is_missing() {
    let mut console = Driven::with(60, 15, |profile| profile.typed_production = true);
    console.overview(overview(vec![waiting("prod-checkout-42", "5d2cabcdef91")], Vec::new()));
    console.keys("2a");
    assert!(console.screen().contains("lines above: make the window taller"), "{}", console.screen());
}

#[test]
fn a_paste_outside_a_field_does_nothing_and_says_so() {
    let mut console = at_the_gate();
    console.event(Event::Paste("a\r\n".to_owned()));
    assert_eq!(console.decisions(), []);
    assert!(console.screen().contains("Pasted text was refused"), "{}", console.screen());
}

#[test]
fn rejecting_needs_a_reason_and_a_newline_in_it_is_text() {
    let mut console = at_the_gate();
    console.keys("x<C-s>");
    assert_eq!(console.decisions(), [], "no reason, no rejection");
    console.keys("too risky<enter>on friday");
    assert_eq!(console.decisions(), []);
    console.keys("<C-s>");
    let sent = console.decisions();
    assert_eq!(sent.first().and_then(|request| request.reason.as_deref()), Some("too risky\non friday"));
}

#[test]
fn leaving_never_loses_typed_text_without_asking() {
    let mut console = at_the_gate();
    console.keys("xwait<esc>");
    assert!(console.screen().contains("Esc again throws away"), "{}", console.screen());
    console.keys(" for mira<C-s>");
    assert_eq!(
        console.decisions().first().and_then(|request| request.reason.clone()),
        Some("wait for mira".to_owned())
    );
}

#[test]
fn evidence_that_changes_under_the_question_takes_the_yes_away() {
    let mut console = at_the_gate();
    console.keys("a");
    console.overview(overview(vec![waiting("prod-checkout-42", "77770000ffff")], Vec::new()));
    console.keys("<enter>");
    assert_eq!(console.decisions(), []);
    assert!(console.screen().contains("The evidence changed"), "{}", console.screen());
    // Closed, the card says what changed, and the first approval only acknowledges it.
    console.keys("<esc>a<enter>");
    assert_eq!(console.decisions(), []);
    console.keys("a<enter>");
    let sent = console.decisions();
    assert_eq!(sent.first().and_then(|request| request.evidence.clone()), Some(EvidenceDigest::new("77770000ffff")));
}

#[test]
fn read_only_refuses_with_the_reason() {
    let mut console = Driven::with(80, 24, |profile| profile.read_only = true);
    console.overview(overview(vec![waiting("prod-checkout-42", "5d2cabcdef91")], Vec::new()));
    console.keys("2a<enter>");
    assert_eq!(console.decisions(), []);
    console.keys("a");
    assert!(console.screen().contains("Read-only"), "{}", console.screen());
}

#[test]
fn production_is_typed_where_the_settings_ask_for_it() {
    for (typed, counts) in [("", 0), ("staging", 0), ("production", 1)] {
        let mut console = Driven::with(80, 24, |profile| profile.typed_production = true);
        console.overview(overview(vec![waiting("prod-checkout-42", "5d2cabcdef91")], Vec::new()));
        console.keys("2a");
        console.keys(typed);
        console.keys("<enter>");
        assert_eq!(console.decisions().len(), counts, "typed {typed:?}");
    }
}

#[test]
fn the_answer_is_told_and_a_refusal_stays_until_it_is_read() {
    let mut console = at_the_gate();
    console.keys("a<enter>");
    let id = console.decisions().remove(0).decision_id;
    let refusal = Refusal::new(RefusalCode::AlreadyDecided, "already rejected by jo at 11:58");
    let result = Ok(Done::Decided { result: Outcome::Refused { refusal } });
    console.event(Event::Mutated { id: id.as_str().to_owned(), result });
    let screen = console.screen();
    assert!(screen.contains("already rejected by jo"), "{screen}");
    console.pass(60_000);
    assert!(console.screen().contains("already rejected by jo"));
}

#[test]
fn in_doubt_is_not_failed_and_ends_when_it_is_applied() {
    let mut console = at_the_gate();
    console.keys("a<enter>");
    let request = console.decisions().remove(0);
    let id = request.decision_id.as_str().to_owned();
    let doubt = Outcome::InDoubt { decision_id: DecisionId::new(id.clone()) };
    console.event(Event::Mutated { id: id.clone(), result: Ok(Done::Decided { result: doubt }) });
    assert!(console.screen().contains("In doubt"), "{}", console.screen());
    assert_eq!(console.model.sent.unfinished().count(), 1);
    assert!(console.screen().contains("no worker has taken it yet"), "{}", console.screen());
    let failure = Failure::new(FailureKind::Unavailable, "The coordinator does not answer.", "");
    let down = Link::Down { failure, since: noon(), retry_at: noon(), attempt: 1 };
    console.event(Event::Link { upstream: Upstream::Coordinator, link: down });
    assert!(console.screen().contains("In doubt: the coordinator does not answer."), "{}", console.screen());
    console.keys("<esc>");
    let screen = console.screen();
    assert!(
        screen.contains("▲ production approval") && screen.contains("A decision from here is in doubt"),
        "{screen}"
    );
    console.keys("a");
    assert!(console.screen().contains("Approve production approval?"), "what is in doubt may be tried again");
    console.keys("<esc>");
    console.event(Event::Mutated { id, result: Ok(applied(&request)) });
    assert!(console.screen().contains("Approved production-approval"), "{}", console.screen());
    assert!(!console.screen().contains("In doubt"));
    assert_eq!(console.model.sent.unfinished().count(), 0);
}

#[test]
fn the_equal_command_is_one_that_is_obeyed() {
    let mut console = Driven::with(200, 50, |profile| profile.coordinator = true);
    let mut row = waiting("prod-checkout-42", "5d2cabcdef91");
    row.published.as_mut().unwrap().gates[0].needs_proof = true;
    console.overview(overview(vec![row], Vec::new()));
    console.keys("2a");
    let screen = console.screen();
    assert!(screen.contains("gatewatch approve prod-checkout-42 --gate production-approval"), "{screen}");
    assert!(!screen.contains("--config"), "{screen}");
    assert!(!screen.contains("temporal workflow update"), "only the coordinator can prove who decides:\n{screen}");
}

/// Copied into another shell it finds the same settings, and what does not fit is copied whole.
#[test]
fn the_equal_command_names_the_settings_the_console_was_started_with() {
    for (width, height) in [(200, 50), (80, 16)] {
        let mut console = Driven::with(width, height, |profile| {
            profile.coordinator = true;
            profile.config = Some("/home/mira/my demo/gatewatch.toml".into());
        });
        let mut row = waiting("prod-checkout-42", "5d2cabcdef91");
        row.published.as_mut().unwrap().gates[0].needs_proof = true;
        console.overview(overview(vec![row], Vec::new()));
        console.keys("2a");
        let screen = console.screen();
        let is_cut = width == 80;
        assert_eq!(screen.contains("(y copies it whole)"), is_cut, "{screen}");
        console.asked();
        console.keys("y");
        let copied = console.asked();
        let [Effect::Copy(command)] = copied.as_slice() else { panic!("{copied:?}") };
        assert!(command.contains(" --config '/home/mira/my demo/gatewatch.toml' "), "{command}");
        assert!(command.ends_with("--namespace default"), "{command}");
    }
}

#[test]
fn the_question_shows_what_fails_even_where_there_is_little_room() {
    let mut console = Driven::with(80, 24, |profile| profile.typed_production = true);
    console.overview(overview(vec![waiting("prod-checkout-42", "5d2cabcdef91")], Vec::new()));
    console.keys("2a");
    let screen = console.screen();
    for words in
        ["shop-prod", "visual regression: 3 pages differ", "deploys v42", "temporal workflow update", "production"]
    {
        assert!(screen.contains(words), "{words} is missing:\n{screen}");
    }
}

/// Whoever reads a question for long reads what is so now, not what was so when it was asked.
#[test]
fn ages_and_deadlines_count_while_the_question_is_open() {
    let mut console = Driven::new(120, 36);
    let mut gate = waiting("prod-checkout-42", "5d2cabcdef91");
    let evidence = gate.published.as_mut().unwrap().gates[0].evidence.as_mut().unwrap();
    evidence.collected_at = noon();
    console.overview(overview(vec![gate], Vec::new()));
    // Nothing else on this screen tells it.
    console.keys("a");
    assert!(console.screen().contains("collected 0s ago"), "{}", console.screen());
    let until = console.model.sleep(console.now, console.model.typing.up);
    assert!(until.as_millis() <= 1001, "the next second is drawn by itself: {until:?}");
    console.pass(6700);
    assert!(console.screen().contains("collected 7s ago"), "{}", console.screen());
    console.pass(120_000);
    assert!(console.screen().contains("collected 2m ago"), "{}", console.screen());
    assert!(console.screen().contains("in 71h 53m"), "{}", console.screen());
}
