//! Agents as they are called: one trait, an adapter for each way to reach one.
//!
//! | part | what it owns |
//! |---|---|
//! | [`fleet`] | the configured agents, ready to be called |
//! | [`answer`] | what an agent said, read with suspicion |
//! | `command` | a program: JSON in, JSON out |
//! | `http` | a web service, which answers at once or later by callback |
//! | `llm` | a language model of whichever provider |
//! | `scripted` | a rehearsal, which says that it is one |
//!
//! An adapter never fails: whatever goes wrong is an [`Outcome`] with a reason that a person can act on. It knows nothing
//! of workflows, leases and other agents.

pub mod answer;
mod command;
pub mod fleet;
mod http;
mod llm;
mod scripted;

use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::contracts::agent::{AgentMetrics, AgentRequest, AgentResponse};

/// One call of an agent.
#[derive(Clone, Debug)]
pub struct Call {
    pub request: AgentRequest,
    /// After this long the answer is of no use.
    pub time_limit: Duration,
    /// Bytes of the largest answer that is read.
    pub max_output: usize,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The agent did its work, or says that it could not be done.
    Answered(Box<AgentResponse>),
    /// It has the work and answers later, by callback.
    Accepted,
    /// It takes nothing now: it is to be asked again after a while.
    Busy { after: Duration, why: String },
    /// It was not there, was too late, or said nothing that can be used.
    Broken { why: String, metrics: Option<AgentMetrics> },
}

impl Outcome {
    fn broken(why: impl Into<String>) -> Self {
        Self::Broken { why: why.into(), metrics: None }
    }
}

/// A way to reach an agent.
pub trait Adapter: Send + Sync {
    /// Gives it the work. Dropping the future ends the call, and what was started for it.
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Outcome>;
}
