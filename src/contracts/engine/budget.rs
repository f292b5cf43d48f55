//! What a goal may cost, as its workflow knows it: the limit, and how much of it is used. The amounts that answers cost
//! are the coordinator's to keep, and never enter a history.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contracts::clock::UnixMillis;

/// How much of a budget is used, as far as anybody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BudgetLevel {
    /// Somebody should look.
    Warning,
    /// Agents are given nothing more until a person says so.
    Spent,
}

impl BudgetLevel {
    /// From how much of it on, in percent.
    pub fn percent(self) -> u32 {
        match self {
            Self::Warning => 80,
            Self::Spent => 100,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Spent => "spent",
        }
    }
}

/// The budget of a goal. It is spent as soon as one of the limits is reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Budget {
    /// Tokens of all answers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// US dollars of all answers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
    /// Counts from 1; another limit is another round.
    pub round: u32,
    /// What the goal was told of this round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reached: Option<BudgetLevel>,
    /// What was answered before does not count: it is another goal's that had its workflow id, or was spent when a person
    /// gave as much again.
    pub since: UnixMillis,
    /// When the goal began, once a person has given more; before, that is `since`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begun: Option<UnixMillis>,
}

impl Budget {
    pub fn is_spent(&self) -> bool {
        self.reached == Some(BudgetLevel::Spent)
    }
}

/// `20.00 USD and 500000 tokens`.
impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.usd, self.tokens) {
            (Some(usd), Some(tokens)) => write!(f, "{usd:.2} USD and {tokens} tokens"),
            (Some(usd), None) => write!(f, "{usd:.2} USD"),
            (None, Some(tokens)) => write!(f, "{tokens} tokens"),
            (None, None) => f.write_str("no limit"),
        }
    }
}
