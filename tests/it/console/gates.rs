//! Gates that several answers tell of: which one is shown, and which answer is believed.

use gatewatch::console::event::Event;
use gatewatch::console::screen::Place;
use gatewatch::contracts::ids::{EvidenceDigest, GateId, WorkflowId};
use gatewatch::contracts::workflow::WorkflowRow;

use crate::console::drive::Driven;
use crate::console::world::{applied, described, overview, waiting};

#[test]
fn a_gate_that_the_list_does_not_have_yet_is_the_one_that_opens() {
    let mut console = Driven::new(120, 36);
    let listed = || overview(vec![waiting("prod-checkout-42", "5d2cabcdef91")], Vec::new());
    console.overview(listed());
    let new = waiting("prod-search-7", "77770000ffff");
    console.open_workflow(&new);
    console.describe(described(new));
    console.keys("<enter>");
    let gate = (WorkflowId::new("prod-search-7"), GateId::new("production-approval"));
    assert_eq!(console.model.place, Place::Gates(Some(gate)));
    console.overview(listed());
    assert!(console.screen().contains("production approval · prod-search-7"), "{}", console.screen());
    console.keys("a<enter>");
    let sent = console.decisions();
    let [request] = sent.as_slice() else { panic!("one decision, not {sent:?}") };
    assert_eq!(request.workflow_id, WorkflowId::new("prod-search-7"));
    assert_eq!(request.evidence, Some(EvidenceDigest::new("77770000ffff")));
}

/// The same gate, asked for again with other evidence.
fn asked_again(id: &str, digest: &str, revision: u32) -> WorkflowRow {
    let mut row = waiting(id, digest);
    for gate in &mut row.published.as_mut().unwrap().gates {
        gate.revision = revision;
    }
    row
}

fn evidence_approved(console: &mut Driven) -> Option<EvidenceDigest> {
    console.keys("a<enter>");
    console.decisions().pop().and_then(|request| request.evidence)
}

#[test]
fn a_newer_list_is_believed_before_an_older_description() {
    let mut console = Driven::new(120, 36);
    let id = "prod-checkout-42";
    console.overview(overview(vec![waiting(id, "5d2cabcdef91")], Vec::new()));
    // The first screen looks at the gate's workflow too.
    console.describe(described(waiting(id, "5d2cabcdef91")));
    console.pass(5000);
    console.overview(overview(vec![asked_again(id, "77770000ffff", 2)], Vec::new()));
    assert_eq!(evidence_approved(&mut console), Some(EvidenceDigest::new("77770000ffff")));
}

#[test]
fn a_list_that_lags_is_not_believed() {
    let mut console = Driven::new(120, 36);
    let id = "prod-checkout-42";
    console.overview(overview(vec![waiting(id, "5d2cabcdef91")], Vec::new()));
    console.describe(described(asked_again(id, "77770000ffff", 2)));
    console.pass(5000);
    console.overview(overview(vec![waiting(id, "5d2cabcdef91")], Vec::new()));
    assert_eq!(evidence_approved(&mut console), Some(EvidenceDigest::new("77770000ffff")));
}

#[test]
fn a_decided_gate_is_decided_on_every_screen_until_it_opens_again() {
    let mut console = Driven::new(120, 36);
    let id = "prod-checkout-42";
    console.overview(overview(vec![waiting(id, "5d2cabcdef91")], Vec::new()));
    console.keys("2a<enter>");
    let request = console.decisions().remove(0);
    let sent = request.decision_id.as_str().to_owned();
    console.event(Event::Mutated { id: sent, result: Ok(applied(&request)) });
    // The lists lag: it is still in them.
    for screen in ["1", "2"] {
        console.keys(screen);
        console.keys("a<enter>");
        assert!(console.screen().contains("decided a moment ago"), "{}", console.screen());
        assert_eq!(console.decisions(), [], "on {screen}");
        console.keys("<esc>");
    }
    // It asks again with other evidence, and that is nobody's decision yet.
    console.keys("1");
    console.overview(overview(vec![asked_again(id, "77770000ffff", 2)], Vec::new()));
    assert_eq!(evidence_approved(&mut console), Some(EvidenceDigest::new("77770000ffff")));
}
