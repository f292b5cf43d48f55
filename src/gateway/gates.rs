//! Everything that waits for a person, from lists alone: no worker and no call per workflow.

use std::cmp::Ordering;

use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::gate::OpenGate;
use crate::contracts::http::GateRow;
use crate::contracts::workflow::WorkflowRow;
use crate::gateway::Gateway;

const QUERY: &str = "ExecutionStatus = 'Running' AND gates IS NOT NULL";
/// The same where the namespace lacks our search attributes: what workflows publish says it too.
const EVERY: &str = "ExecutionStatus = 'Running'";
const PAGE: u32 = 200;
/// Nobody reads further, and a broken page token must not loop for ever.
const MAX_PAGES: usize = 50;

impl Gateway {
    /// Open gates of all workflows, earliest deadline first; those without a deadline last, oldest first.
    pub async fn gates(&self) -> Result<Vec<GateRow>, Failure> {
        let mut gates = match self.waiting(QUERY).await {
            Err(failure) if failure.kind == FailureKind::Invalid && self.unreadable().await.is_some() => {
                self.waiting(EVERY).await?
            }
            gates => gates?,
        };
        gates.sort_by(|left: &GateRow, right| by_urgency(&left.gate, &right.gate));
        Ok(gates)
    }

    async fn waiting(&self, query: &str) -> Result<Vec<GateRow>, Failure> {
        let mut gates = Vec::new();
        let mut page = None;
        for _ in 0..MAX_PAGES {
            let answer = self.list(query, page.take(), PAGE).await?;
            gates.extend(answer.rows.into_iter().flat_map(of_row));
            page = answer.next;
            if page.is_none() {
                break;
            }
        }
        Ok(gates)
    }
}

fn of_row(row: WorkflowRow) -> impl Iterator<Item = GateRow> {
    let WorkflowRow { id, environment, published, .. } = row;
    let gates = published.map(|published| published.gates).unwrap_or_default();
    gates.into_iter().map(move |gate| GateRow { workflow_id: id.clone(), environment: environment.clone(), gate })
}

fn by_urgency(left: &OpenGate, right: &OpenGate) -> Ordering {
    let key = |gate: &OpenGate| (gate.deadline.is_none(), gate.deadline, gate.opened_at);
    key(left).cmp(&key(right))
}
