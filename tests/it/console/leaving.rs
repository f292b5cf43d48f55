//! Leaving while something is on its way.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use gatewatch::console::effect::Effect;
use gatewatch::console::event::Event;
use gatewatch::console::leaving::{farewell, wait};
use gatewatch::console::outbox::stamp;
use gatewatch::console::sent::Sent;
use gatewatch::contracts::decision::{Outcome, Refusal, RefusalCode};
use gatewatch::contracts::failure::{Failure, FailureKind};
use gatewatch::contracts::ids::DecisionId;
use gatewatch::contracts::mutation::{Done, Mutation, Rollback, Target};

use crate::console::drive::{Driven, noon};
use crate::console::world::{overview, waiting};

/// An approval that was confirmed, and the console left with the next key of a quick hand.
fn left_quickly() -> (Driven, Mutation) {
    let mut console = Driven::new(80, 24);
    console.overview(overview(vec![waiting("prod-checkout-42", "5d2cabcdef91")], Vec::new()));
    console.keys("2a");
    console.quickly("<enter><C-c>", 90);
    let effects = console.asked();
    let [Effect::Mutate(mutation), Effect::Quit] = effects.as_slice() else { panic!("not sent and left: {effects:?}") };
    let mutation = (**mutation).clone();
    (console, mutation)
}

#[test]
fn leaving_waits_until_what_was_asked_for_is_answered() {
    let (mut console, mutation) = left_quickly();
    let (tx, events) = channel();
    let id = mutation.id().to_owned();
    let refusal = Refusal::new(RefusalCode::AlreadyDecided, "already rejected by jo");
    let result = Ok(Done::Decided { result: Outcome::Refused { refusal } });
    // Nobody types into a console that is being left.
    tx.send(stamp(Event::Paste("x".to_owned()))).unwrap();
    tx.send(stamp(Event::Mutated { id, result })).unwrap();
    let began = Instant::now();
    wait(&mut console.model, &events, Duration::from_secs(30));
    assert!(began.elapsed() < Duration::from_secs(20), "it waited for nothing");
    assert_eq!(farewell(&console.model), Vec::<String>::new());
}

#[test]
fn what_is_not_over_is_never_forgotten() {
    let mut sent = Sent::default();
    let mutation = |nth: u32| {
        let target = Target { workflow_id: "deploy-search-7".into(), request_id: format!("r{nth}").into() };
        Mutation::Rollback(Rollback { target, reason: None })
    };
    let over = Err(Failure::new(FailureKind::Unavailable, "no answer", ""));
    for nth in 0..100 {
        assert!(sent.begin(&mutation(nth), noon()));
        if nth > 0 {
            sent.news(mutation(nth).id(), &over);
        }
    }
    let left: Vec<&str> = sent.unfinished().map(|one| one.mutation.id()).collect();
    assert_eq!(left, ["r0"]);
}

#[test]
fn what_was_not_heard_of_is_said_to_be_perhaps_not_sent() {
    let (mut console, mutation) = left_quickly();
    let (_tx, events) = channel();
    wait(&mut console.model, &events, Duration::from_millis(50));
    let line = "Approving production-approval of prod-checkout-42: it may not have been sent: nothing was heard of it. \
                See `gatewatch show prod-checkout-42`.";
    assert_eq!(farewell(&console.model), [line]);
    let id = mutation.id().to_owned();
    let result = Ok(Done::Decided { result: Outcome::InDoubt { decision_id: DecisionId::new(id.clone()) } });
    console.event(Event::Mutated { id, result });
    let lines = farewell(&console.model);
    assert!(lines.iter().all(|line| line.contains("it was sent; the outcome was not known yet")), "{lines:?}");
}

#[test]
fn the_command_to_look_with_can_be_pasted_whatever_the_id() {
    let mut console = Driven::new(80, 24);
    let target = Target { workflow_id: "deploy it's; reboot".into(), request_id: "r1".into() };
    assert!(console.model.sent.begin(&Mutation::Rollback(Rollback { target, reason: None }), noon()));
    let lines = farewell(&console.model);
    assert!(lines[0].ends_with(r"See `gatewatch show 'deploy it'\''s; reboot'`."), "{lines:?}");
}
