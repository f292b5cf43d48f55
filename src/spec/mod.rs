//! Specs: the rules that say what a goal needs next, as data.
//!
//! Pure and deterministic, so that a workflow, the coordinator and `gatewatch spec test` decide alike; [`library`] alone
//! reads files, and is not for workflows. A document ([`document`]) is TOML with conditions in CEL; [`rules`] holds it
//! compiled. [`EngineSpec`] is what both it and a spec written in Rust implement.

pub mod decide;
pub mod document;
pub mod duplicates;
pub mod expression;
pub mod facts;
pub mod library;
pub mod prompt;
pub mod route;
pub mod rules;
pub mod shipped;
pub mod template;

use crate::contracts::engine::decision::Action;
use crate::contracts::engine::spec::SpecPin;
use crate::contracts::engine::state::EngineState;
use crate::contracts::ids::StepId;
use crate::spec::document::Guardrails;
use crate::spec::facts::Fact;

/// What rules make of a fact.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    pub actions: Vec<Action>,
    /// Names of the rules that applied, in their order.
    pub applied: Vec<String>,
    /// Rules that could not be evaluated, and why. They do nothing; the others count.
    pub troubles: Vec<String>,
}

/// A step that is not wanted any more, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    pub step: StepId,
    pub reason: String,
}

/// The rules of a kind of goal. Pure: the same state and fact lead to the same verdict, today and on replay.
pub trait EngineSpec: Send + Sync {
    fn pin(&self) -> &SpecPin;

    fn guardrails(&self) -> &Guardrails;

    /// What shall happen next.
    fn decide(&self, state: &EngineState, fact: &Fact<'_>) -> Verdict;

    /// Whether the goal is reached, asked after the actions of a decision have been applied. The engine itself holds
    /// that nothing may be open then.
    fn is_reached(&self, state: &EngineState) -> Result<bool, String>;

    /// Waiting steps that are superfluous once the actions of a decision have been applied.
    fn post_apply(&self, _state: &EngineState) -> Vec<Withdrawal> {
        Vec::new()
    }
}
