//! What holds whatever happens in whatever order.

use std::collections::BTreeMap;
use std::sync::Arc;

use gatewatch::contracts::actor::Actor;
use gatewatch::contracts::agent::AgentStatus;
use gatewatch::contracts::engine::budget::{Budget, BudgetLevel};
use gatewatch::contracts::engine::input::Decider;
use gatewatch::contracts::engine::state::{EngineStatus, StepState, StepStatus};
use gatewatch::contracts::ids::StepId;
use gatewatch::spec::EngineSpec;
use gatewatch::spec::rules::Rules;
use gatewatch::spec::shipped;
use gatewatch::workflows::engine::machine::event::{Event, Replacements, Terms};
use gatewatch::workflows::engine::machine::{Machine, Memory};
use proptest::prelude::*;
use serde_json::json;

use super::{Goal, request, response};

#[derive(Clone, Debug)]
enum Deed {
    Answer(usize, AgentStatus),
    Lease(usize),
    Requeue(usize),
    Override(usize, bool),
    Ci(bool),
    Tick(i64),
    Budget(u32, BudgetLevel),
    Cancel,
}

/// The shipped rules, for a goal that may not cost much.
fn rules() -> Arc<dyn EngineSpec> {
    let text = shipped::text("codegen").unwrap().replace("max-attempts = 5", "max-attempts = 5\nbudget-usd = 1.0");
    Arc::new(Rules::read("codegen", &text).unwrap())
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let status = prop_oneof![
        6 => Just(AgentStatus::Ok),
        2 => Just(AgentStatus::Fail),
        1 => Just(AgentStatus::Partial)
    ];
    let deed = prop_oneof![
        12 => (0..20_usize, status).prop_map(|(n, status)| Deed::Answer(n, status)),
        3 => (0..20_usize).prop_map(Deed::Lease),
        1 => (0..20_usize).prop_map(Deed::Requeue),
        1 => (0..20_usize, any::<bool>()).prop_map(|(n, done)| Deed::Override(n, done)),
        2 => any::<bool>().prop_map(Deed::Ci),
        2 => (0..10_000_000_i64).prop_map(Deed::Tick),
        2 => (1..4_u32, any::<bool>()).prop_map(|(round, spent)| {
            Deed::Budget(round, if spent { BudgetLevel::Spent } else { BudgetLevel::Warning })
        }),
        1 => Just(Deed::Cancel),
    ];
    proptest::collection::vec(deed, 0..80)
}

fn play(goal: &mut Goal, deed: &Deed) {
    let steps = goal.steps();
    let pick = |n: usize| StepId::from(steps[n % steps.len()].as_str());
    let event = match deed {
        Deed::Answer(n, status) => {
            let step = pick(*n);
            let mut response = response(step.as_str(), *status);
            if let Some(attempt) = &goal.state().open_steps[&step].attempt_id {
                response.attempt_id = attempt.clone();
            }
            Event::AgentCompleted { step, response }
        }
        Deed::Lease(n) => Event::Lease {
            step: pick(*n),
            attempt: format!("run-{}", goal.now).as_str().into(),
            agent: "a".into(),
            terms: Terms::default(),
        },
        Deed::Requeue(n) => Event::Requeue { step: pick(*n), attempt: None, reason: "r".into(), by: Actor::default() },
        Deed::Override(n, done) => Event::Override {
            step: pick(*n),
            done: *done,
            reason: "r".into(),
            by: Actor::default(),
            replacements: Replacements::Withdraw,
        },
        Deed::Ci(green) => Event::Custom {
            name: "ciStatusChanged".into(),
            payload: json!({"status": if *green { "SUCCESS" } else { "FAILURE" }}),
        },
        Deed::Tick(millis) => {
            goal.now += millis;
            Event::Tick
        }
        Deed::Budget(round, level) => Event::BudgetReached { round: *round, level: *level },
        Deed::Cancel => Event::Cancel { reason: "r".into(), by: Actor::default() },
    };
    goal.send(event);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_finished_goal_has_nothing_open_and_never_changes(deeds in deeds()) {
        let mut goal = Goal::with(rules(), Decider::Spec);
        goal.boot(request("REQUIREMENTS"));
        for deed in &deeds {
            let over = goal.status().is_over();
            let before = (goal.status(), goal.state().open_steps.clone(), goal.state().artifacts.clone());
            play(&mut goal, deed);
            if over {
                prop_assert_eq!(&before.0, &goal.status());
                prop_assert_eq!(&before.1, &goal.state().open_steps);
                prop_assert_eq!(&before.2, &goal.state().artifacts);
            }
            if goal.status() == EngineStatus::Completed {
                prop_assert!(goal.state().is_settled());
            }
            let troubles: Vec<_> = goal.state().log.iter().filter(|entry| entry.event == "SPEC_TROUBLE").collect();
            prop_assert!(troubles.is_empty(), "{:?}", troubles);
            let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
            for step in goal.state().open_steps.values() {
                *kinds.entry(step.kind.as_str()).or_default() += 1;
            }
            prop_assert!(goal.state().log.len() <= 200);
            let spent = goal.state().budget.as_ref().is_some_and(Budget::is_spent);
            let offered = |step: &StepState| step.status == StepStatus::Waiting && !step.is_approval();
            let offers = goal.state().open_steps.values().any(offered);
            prop_assert!(!spent || !offers || goal.status().is_over(), "nobody is given what may not be paid");
        }
    }

    /// Continue-as-new at any point changes nothing.
    #[test]
    fn what_is_carried_over_is_all_there_is(deeds in deeds(), at in 0..80_usize) {
        let mut whole = Goal::with(rules(), Decider::Spec);
        let mut cut = Goal::with(rules(), Decider::Spec);
        whole.boot(request("REQUIREMENTS"));
        cut.boot(request("REQUIREMENTS"));
        for (position, deed) in deeds.iter().enumerate() {
            if position == at {
                let carried = serde_json::to_string(cut.machine.memory()).unwrap();
                let memory: Memory = serde_json::from_str(&carried).unwrap();
                cut.machine = Machine::resume(memory, Decider::Spec, rules());
            }
            play(&mut whole, deed);
            play(&mut cut, deed);
        }
        prop_assert_eq!(whole.machine.memory(), cut.machine.memory());
    }
}
