//! Gates that several answers tell of: which one is shown, and which answer is believed.

use gatewatch::console::effect::Effect;
use gatewatch::console::screen::Place;
use gatewatch::contracts::http::DecisionRequest;
use gatewatch::contracts::ids::{EvidenceDigest, GateId, WorkflowId};
use gatewatch::contracts::mutation::Mutation;

use crate::console::drive::Driven;
use crate::console::world::{described, overview, waiting};

fn decided(console: &mut Driven) -> Vec<DecisionRequest> {
    let decision = |effect: Effect| match effect {
        Effect::Mutate(mutation) => match *mutation {
            Mutation::Decide(request) => Some(request),
            other => panic!("not a decision: {other:?}"),
        },
        _ => None,
    };
    console.asked().into_iter().filter_map(decision).collect()
}

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
    let sent = decided(&mut console);
    let [request] = sent.as_slice() else { panic!("one decision, not {sent:?}") };
    assert_eq!(request.workflow_id, WorkflowId::new("prod-search-7"));
    assert_eq!(request.evidence, Some(EvidenceDigest::new("77770000ffff")));
}
