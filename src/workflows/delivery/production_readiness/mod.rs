//! `ProductionReadinessWorkflow`: is this commit fit for production, and does a person say so?
//!
//! It runs the catalogue of checks against the commit and the live service, adds whether the change is documented
//! and can be watched, collects everything as evidence, writes a report, and opens the gate `production-approval`.
//! Then it waits for a person. Nobody deciding within the deadline (72 h unless the input says otherwise) rejects;
//! nothing but a person approves. Asking for more evidence collects it again and reopens the gate at the next
//! revision; the clock keeps running from the first opening, so asking cannot keep a gate open for ever.
//!
//! When it is approved it starts the deployment it was given, as a workflow of its own that outlives this one, and
//! completes. Temporal's cancel closes the gate and ends it as cancelled.
//!
//! A check that cannot be carried out is a failed check, and an approval names the evidence that was seen
//! (invariants 5 and 6 of the crate).

#![expect(clippy::needless_pass_by_value, reason = "the SDK dictates how handlers look")]

mod stages;
mod state;

use temporalio_sdk::workflows::{workflow, workflow_methods};
use temporalio_sdk::{SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult};

use crate::contracts::decision::{DecideReply, Verdict};
use crate::contracts::delivery::{EvidenceView, ReadinessInput, ReadinessOutput};
use crate::contracts::evidence::Check;
use crate::contracts::temporal::args::Args;
use crate::contracts::temporal::names;
use crate::workflows::blocks::authority::Channel;
use crate::workflows::blocks::context::Context;
use crate::workflows::blocks::decision;
use crate::workflows::delivery::production_readiness::state::Readiness;

/// What an update's handler and validator answer when they refuse.
type Rejection = Box<dyn std::error::Error + Send + Sync>;

// ---- definition -----------------------------------------------------------------------------------------------

#[workflow]
pub struct ProductionReadinessWorkflow {
    input: Result<ReadinessInput, String>,
    readiness: Readiness,
}

#[workflow_methods]
impl ProductionReadinessWorkflow {
    #[init]
    pub fn new(ctx: &WorkflowContextView, args: Args) -> Self {
        let input = state::read_input(&args);
        let readiness = Readiness::new(ctx.workflow_id(), input.as_ref().ok());
        Self { input, readiness }
    }

    #[run(name = "ProductionReadinessWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<ReadinessOutput> {
        let ended = match ctx.state(|state| state.input.clone()) {
            Ok(input) => stages::decide_readiness(ctx, &input).await,
            Err(why) => Err(stages::End::Failed(format!("The input cannot be read: {why}."))),
        };
        ended.map_err(|end| stages::finish(ctx, end))
    }

    // ---- messages ---------------------------------------------------------------------------------------------

    #[update_validator(decide)]
    fn check_decide(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
        // There is no clock here: the handler looks at the deadline.
        self.readiness.check(&decision::of_update(args)?, Channel::Update, None)?;
        Ok(())
    }

    /// Decides the gate.
    #[update]
    pub fn decide(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) -> Result<DecideReply, Rejection> {
        let reply = self.readiness.decide(&decision::of_update(&args)?, Channel::Update, ctx.now())?;
        self.publish(ctx);
        Ok(reply)
    }

    #[signal(name = "approveProduction")]
    pub fn approve_production(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
        self.signalled(ctx, names::signal::APPROVE_PRODUCTION, Verdict::Approve, &args);
    }

    #[signal(name = "rejectProduction")]
    pub fn reject_production(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
        self.signalled(ctx, names::signal::REJECT_PRODUCTION, Verdict::Reject, &args);
    }

    #[signal(name = "requestMoreEvidence")]
    pub fn request_more_evidence(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
        self.signalled(ctx, names::signal::REQUEST_MORE_EVIDENCE, Verdict::RequestEvidence, &args);
    }

    /// Every check, with its status.
    #[query(name = "getGateStatus")]
    pub fn gate_status(&self, _ctx: &WorkflowContextView, _args: Args) -> Vec<Check> {
        self.readiness.checks().to_vec()
    }

    #[query(name = "getEvidenceSummary")]
    pub fn evidence_summary(&self, _ctx: &WorkflowContextView, _args: Args) -> EvidenceView {
        self.readiness.view()
    }

    /// 0 to 100.
    #[query(name = "getReadinessScore")]
    pub fn readiness_score(&self, _ctx: &WorkflowContextView, _args: Args) -> u8 {
        self.readiness.score()
    }
}

impl ProductionReadinessWorkflow {
    /// A decision that arrived as a signal: applied like any other, or recorded as refused.
    fn signalled(&mut self, ctx: &impl Context, name: &str, verdict: Verdict, args: &Args) {
        let now = ctx.now();
        let fallback = self.readiness.next_signal_id();
        let applied = decision::of_signal(args, verdict, self.readiness.gate().id(), fallback)
            .and_then(|decide| self.readiness.decide(&decide, Channel::Signal, now));
        if let Err(refusal) = applied {
            self.readiness.refuse(now, name, &refusal.to_string());
        }
        self.publish(ctx);
    }

    fn publish(&mut self, ctx: &impl Context) {
        ctx.upsert(self.readiness.publish(ctx.now()));
    }
}
