//! Who does the work of goals, as one coordinator sees it: `GET /v1/agents`.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contracts::clock::Timestamp;
use crate::contracts::engine::budget::BudgetLevel;
use crate::contracts::ids::{AttemptId, StepId, WorkKind, WorkflowId};

/// Answer of `GET /v1/agents`. Every coordinator counts what it did itself, since it started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentRoster {
    /// In the order of the file.
    pub agents: Vec<AgentReport>,
    /// Work that waited when it was last looked, by kind.
    pub waiting: Vec<WaitingWork>,
    /// Limits that held some of it back then, though agents take it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_back: Vec<HeldBack>,
    /// When that was; absent before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<Timestamp>,
    /// Why the last look failed, or why a newer file is not followed; as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    pub at: Timestamp,
}

/// One agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentReport {
    pub name: String,
    /// `http`, `command`, `llm` or `scripted`.
    pub adapter: String,
    /// Kinds of work it is offered; `*` is every kind.
    pub kinds: Vec<String>,
    pub alternates: Vec<String>,
    /// 1 is asked before 5.
    pub priority: u8,
    /// Calls it may have at once.
    pub concurrency: usize,
    /// What it does now, the oldest first.
    pub calls: Vec<AgentCall>,
    /// Calls begun.
    pub dispatched: u64,
    /// Answers by what they say: done, going on, not done.
    pub ok: u64,
    pub partial: u64,
    pub fail: u64,
    /// Calls that brought no answer: it was not there, too late, or not understood.
    pub broken: u64,
    /// Tokens, prompt and completion together. What it cost is of all tenants: who is bound to some is not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Of today (UTC), against its budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub today: Option<Spent>,
    /// Until when it is offered nothing, because it asked for a pause or broke several times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resting_until: Option<Timestamp>,
    /// The latest thing that went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_trouble: Option<AgentTrouble>,
}

/// A call under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentCall {
    pub workflow_id: WorkflowId,
    pub step_id: StepId,
    #[serde(rename = "runId")]
    pub attempt_id: AttemptId,
    pub kind: WorkKind,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tenant: String,
    pub since: Timestamp,
    /// It took the work and answers later, by callback.
    pub called_back: bool,
}

/// What an agent cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spent {
    pub usd: f64,
    pub tokens: u64,
    /// What it may cost; absent is without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_tokens: Option<u64>,
}

impl Spent {
    /// Whether the budget is used up.
    pub fn is_used_up(&self) -> bool {
        self.budget_usd.is_some_and(|most| self.usd >= most)
            || self.budget_tokens.is_some_and(|most| self.tokens >= most)
    }

    /// How much of the budget is used, as far as somebody must hear of it.
    pub fn level(&self) -> Option<BudgetLevel> {
        let warned = |most: f64| most * f64::from(BudgetLevel::Warning.percent()) / 100.0;
        #[expect(clippy::cast_precision_loss, reason = "nobody is warned by the token")]
        let tokens = self.budget_tokens.is_some_and(|most| self.tokens as f64 >= warned(most as f64));
        match (self.is_used_up(), tokens || self.budget_usd.is_some_and(|most| self.usd >= warned(most))) {
            (true, _) => Some(BudgetLevel::Spent),
            (false, true) => Some(BudgetLevel::Warning),
            (false, false) => None,
        }
    }
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentTrouble {
    pub at: Timestamp,
    /// As a sentence.
    pub why: String,
}

/// Work of one kind that nobody has yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingWork {
    pub kind: WorkKind,
    pub steps: u64,
    /// Since when the oldest waits.
    pub since: Timestamp,
    /// How many agents take this kind: work that nobody takes waits for ever.
    pub agents: usize,
}

/// A limit of the dispatcher that is reached while work waits: until one of the calls ends, nothing more is given out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldBack {
    /// Whose quota it is, empty for goals without a tenant; absent when it is all calls of this coordinator together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Under way, those whose answer comes later by callback among them.
    pub calls: usize,
    /// The calls whose answer comes later by callback.
    pub called_back: usize,
    /// As many calls as there may be.
    pub most: usize,
    /// Steps that wait for it.
    pub steps: usize,
}

/// `tenant acme has 4 of 4 calls under way, 3 of them until their callback (dispatcher.tenant_quota or dispatcher.tenants)`.
impl fmt::Display for HeldBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, calls, called_back, most, steps: _ } = self;
        match tenant.as_deref() {
            Some("") => f.write_str("goals without a tenant have")?,
            Some(tenant) => write!(f, "tenant {tenant} has")?,
            None => f.write_str("the coordinator has")?,
        }
        write!(f, " {calls} of {most} calls under way")?;
        if *called_back > 0 {
            write!(f, ", {called_back} of them until their callback")?;
        }
        f.write_str(match tenant.as_deref() {
            Some("") => " (dispatcher.tenant_quota)",
            Some(_) => " (dispatcher.tenant_quota or dispatcher.tenants)",
            None => " (dispatcher.concurrency)",
        })
    }
}
