//! Asking for a rollback: an update, and the durable signal with the same id when no worker answers.

use crate::contracts::decision::Refusal;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::http::RollbackOutcome;
use crate::contracts::ids::WorkflowId;
use crate::contracts::mutation::{Signal, Target};
use crate::contracts::rollback::{RollbackReply, RollbackRequest};
use crate::contracts::temporal::names::{signal, update};
use crate::gateway::update::{Ask, Asked};
use crate::gateway::{Gateway, payload};

impl Gateway {
    /// Asks for the rollback; after 2 s without a worker it leaves the durable signal. Whichever arrives, and however
    /// often: there is one rollback.
    pub async fn rollback(&self, id: &WorkflowId, request: &RollbackRequest) -> Result<RollbackOutcome, Failure> {
        let argument = serde_json::to_value(request).map_err(|error| {
            Failure::new(FailureKind::Internal, format!("The request cannot be sent: {error}."), "")
        })?;
        let ask = Ask { name: update::ROLLBACK, id: request.request_id.as_str() };
        match self.update(id, ask, &argument).await? {
            Asked::Answered(payloads) => payload::first::<RollbackReply>(payloads.as_ref())
                .map(|reply| RollbackOutcome::Accepted { reply })
                .ok_or_else(|| {
                    Failure::new(
                        FailureKind::Internal,
                        "The workflow took the request, but its answer cannot be read.",
                        "Open the deployment to see whether it rolls back.",
                    )
                }),
            Asked::Rejected(why) => Err(refused(&why)),
            Asked::InDoubt => {
                let target = Target { workflow_id: id.clone(), request_id: request.request_id.clone() };
                let name = signal::TRIGGER_ROLLBACK.to_owned();
                self.signal(&Signal { target, run_id: None, name, args: vec![argument] }).await?;
                Ok(RollbackOutcome::InDoubt { request_id: request.request_id.clone() })
            }
        }
    }
}

fn refused(why: &str) -> Failure {
    let said = Refusal::parse(why).map_or_else(|| why.to_owned(), |refusal| refusal.message);
    Failure::new(
        FailureKind::Conflict,
        format!("Not rolled back: {said}"),
        "Open the deployment to see where it stands.",
    )
}
