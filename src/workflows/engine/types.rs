//! `EngineWorkflow` and `CodegenWorkflow`: one implementation under two names. They differ in the spec that decides when
//! the input names none.
//!
//! It waits for signals and updates, wakes when a step is overdue, continues as new when the server suggests it, and ends
//! with its goal: completed, failed, or cancelled by `cancel`, `cancelGoal`, `cancel_workflow` or Temporal's own cancel.
//! It calls no activity and starts no workflow: agents are called from outside, and answer from outside. Every signal
//! that changes something has an update of the same name, which is acknowledged, and refused before it enters history.

use std::collections::BTreeMap;

use temporalio_sdk::workflows::{workflow, workflow_methods};
use temporalio_sdk::{SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult};

use crate::contracts::engine::output::{EngineOutput, EngineReply, HistorySummary, LeaseReply};
use crate::contracts::engine::state::{EngineState, StepState};
use crate::contracts::ids::StepId;
use crate::contracts::temporal::args::Args;
use crate::contracts::temporal::names::{signal, update};
use crate::workflows::engine::driver::{self, HasGoal};
use crate::workflows::engine::goal::{Goal, Rejection};

macro_rules! engine_workflow {
    ($type:ident, $name:tt, decides: $spec:tt) => {
        #[workflow]
        pub struct $type {
            goal: Goal,
        }

        impl HasGoal for $type {
            fn goal(&self) -> &Goal {
                &self.goal
            }

            fn goal_mut(&mut self) -> &mut Goal {
                &mut self.goal
            }
        }

        #[workflow_methods]
        impl $type {
            #[init]
            pub fn new(_ctx: &WorkflowContextView, args: Args) -> Self {
                Self { goal: Goal::begin(&args, $spec) }
            }

            #[run(name = $name)]
            pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<EngineOutput> {
                driver::run(ctx).await
            }

            // ---- queries ------------------------------------------------------------------------------------------

            /// Everything there is to know of the goal.
            #[query(name = "currentState")]
            pub fn current_state(&self, _ctx: &WorkflowContextView, _args: Args) -> EngineState {
                self.goal.state().cloned().unwrap_or_default()
            }

            /// The spec it is pinned to, as TOML: for whoever decides outside.
            #[query(name = "currentSpec")]
            pub fn current_spec(&self, _ctx: &WorkflowContextView, _args: Args) -> String {
                self.goal.document().unwrap_or_default()
            }

            /// Steps something is still to come of.
            #[query(name = "openSteps")]
            pub fn open_steps(&self, _ctx: &WorkflowContextView, _args: Args) -> BTreeMap<StepId, StepState> {
                self.goal.open_steps()
            }

            /// What happened, oldest first, as much of it as is kept.
            #[query(name = "history")]
            pub fn history(&self, _ctx: &WorkflowContextView, _args: Args) -> HistorySummary {
                self.goal.history()
            }

            // ---- signals ------------------------------------------------------------------------------------------

            #[signal(name = "agentCompleted")]
            pub fn agent_completed(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
                self.goal.signalled(ctx, signal::AGENT_COMPLETED, &args);
            }

            #[signal(name = "applyDecision")]
            pub fn apply_decision(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
                self.goal.signalled(ctx, signal::APPLY_DECISION, &args);
            }

            #[signal(name = "requestWork")]
            pub fn request_work(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
                self.goal.signalled(ctx, signal::REQUEST_WORK, &args);
            }

            #[signal(name = "childCompleted")]
            pub fn child_completed(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
                self.goal.signalled(ctx, signal::CHILD_COMPLETED, &args);
            }

            #[signal(name = "custom")]
            pub fn custom(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
                self.goal.signalled(ctx, signal::CUSTOM, &args);
            }

            #[signal(name = "approve")]
            pub fn approve(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
                self.goal.signalled(ctx, signal::APPROVE, &args);
            }

            #[signal(name = "reject")]
            pub fn reject(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
                self.goal.signalled(ctx, signal::REJECT, &args);
            }

            #[signal(name = "cancel")]
            pub fn cancel(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
                self.goal.signalled(ctx, signal::CANCEL, &args);
            }

            #[signal(name = "cancelGoal")]
            pub fn cancel_goal(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
                self.goal.signalled(ctx, signal::CANCEL_GOAL, &args);
            }

            #[signal(name = "cancel_workflow")]
            pub fn cancel_workflow(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
                self.goal.signalled(ctx, signal::CANCEL_WORKFLOW, &args);
            }

            // ---- updates ------------------------------------------------------------------------------------------

            #[update_validator(update_agent_completed)]
            fn check_agent_completed(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
                self.goal.check(signal::AGENT_COMPLETED, args)
            }

            #[update(name = "agentCompleted")]
            pub fn update_agent_completed(
                &mut self,
                ctx: &mut SyncWorkflowContext<Self>,
                args: Args,
            ) -> Result<EngineReply, Rejection> {
                self.goal.updated(ctx, signal::AGENT_COMPLETED, &args)
            }

            #[update_validator(update_apply_decision)]
            fn check_apply_decision(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
                self.goal.check(signal::APPLY_DECISION, args)
            }

            #[update(name = "applyDecision")]
            pub fn update_apply_decision(
                &mut self,
                ctx: &mut SyncWorkflowContext<Self>,
                args: Args,
            ) -> Result<EngineReply, Rejection> {
                self.goal.updated(ctx, signal::APPLY_DECISION, &args)
            }

            #[update_validator(update_request_work)]
            fn check_request_work(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
                self.goal.check(signal::REQUEST_WORK, args)
            }

            #[update(name = "requestWork")]
            pub fn update_request_work(
                &mut self,
                ctx: &mut SyncWorkflowContext<Self>,
                args: Args,
            ) -> Result<EngineReply, Rejection> {
                self.goal.updated(ctx, signal::REQUEST_WORK, &args)
            }

            #[update_validator(update_child_completed)]
            fn check_child_completed(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
                self.goal.check(signal::CHILD_COMPLETED, args)
            }

            #[update(name = "childCompleted")]
            pub fn update_child_completed(
                &mut self,
                ctx: &mut SyncWorkflowContext<Self>,
                args: Args,
            ) -> Result<EngineReply, Rejection> {
                self.goal.updated(ctx, signal::CHILD_COMPLETED, &args)
            }

            #[update_validator(update_custom)]
            fn check_custom(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
                self.goal.check(signal::CUSTOM, args)
            }

            #[update(name = "custom")]
            pub fn update_custom(
                &mut self,
                ctx: &mut SyncWorkflowContext<Self>,
                args: Args,
            ) -> Result<EngineReply, Rejection> {
                self.goal.updated(ctx, signal::CUSTOM, &args)
            }

            #[update_validator(update_approve)]
            fn check_approve(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
                self.goal.check(signal::APPROVE, args)
            }

            #[update(name = "approve")]
            pub fn update_approve(
                &mut self,
                ctx: &mut SyncWorkflowContext<Self>,
                args: Args,
            ) -> Result<EngineReply, Rejection> {
                self.goal.updated(ctx, signal::APPROVE, &args)
            }

            #[update_validator(update_reject)]
            fn check_reject(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
                self.goal.check(signal::REJECT, args)
            }

            #[update(name = "reject")]
            pub fn update_reject(
                &mut self,
                ctx: &mut SyncWorkflowContext<Self>,
                args: Args,
            ) -> Result<EngineReply, Rejection> {
                self.goal.updated(ctx, signal::REJECT, &args)
            }

            #[update_validator(update_cancel)]
            fn check_cancel(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
                self.goal.check(signal::CANCEL, args)
            }

            #[update(name = "cancel")]
            pub fn update_cancel(
                &mut self,
                ctx: &mut SyncWorkflowContext<Self>,
                args: Args,
            ) -> Result<EngineReply, Rejection> {
                self.goal.updated(ctx, signal::CANCEL, &args)
            }

            #[update_validator(update_lease)]
            fn check_lease(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
                self.goal.check(update::LEASE, args)
            }

            #[update(name = "lease")]
            pub fn update_lease(
                &mut self,
                ctx: &mut SyncWorkflowContext<Self>,
                args: Args,
            ) -> Result<LeaseReply, Rejection> {
                self.goal.leased(ctx, &args)
            }

            #[update_validator(update_requeue)]
            fn check_requeue(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
                self.goal.check(update::REQUEUE, args)
            }

            #[update(name = "requeue")]
            pub fn update_requeue(
                &mut self,
                ctx: &mut SyncWorkflowContext<Self>,
                args: Args,
            ) -> Result<EngineReply, Rejection> {
                self.goal.updated(ctx, update::REQUEUE, &args)
            }

            #[update_validator(update_nudge)]
            fn check_nudge(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
                self.goal.check(update::NUDGE, args)
            }

            #[update(name = "nudge")]
            pub fn update_nudge(
                &mut self,
                ctx: &mut SyncWorkflowContext<Self>,
                args: Args,
            ) -> Result<EngineReply, Rejection> {
                self.goal.updated(ctx, update::NUDGE, &args)
            }

            #[update_validator(update_override)]
            fn check_override(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
                self.goal.check(update::OVERRIDE, args)
            }

            #[update(name = "override")]
            pub fn update_override(
                &mut self,
                ctx: &mut SyncWorkflowContext<Self>,
                args: Args,
            ) -> Result<EngineReply, Rejection> {
                self.goal.updated(ctx, update::OVERRIDE, &args)
            }

            #[update_validator(update_adopt_spec)]
            fn check_adopt_spec(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
                self.goal.check(update::ADOPT_SPEC, args)
            }

            #[update(name = "adoptSpec")]
            pub fn update_adopt_spec(
                &mut self,
                ctx: &mut SyncWorkflowContext<Self>,
                args: Args,
            ) -> Result<EngineReply, Rejection> {
                self.goal.updated(ctx, update::ADOPT_SPEC, &args)
            }

            #[update_validator(update_budget_reached)]
            fn check_budget_reached(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
                self.goal.check(update::BUDGET_REACHED, args)
            }

            #[update(name = "budgetReached")]
            pub fn update_budget_reached(
                &mut self,
                ctx: &mut SyncWorkflowContext<Self>,
                args: Args,
            ) -> Result<EngineReply, Rejection> {
                self.goal.updated(ctx, update::BUDGET_REACHED, &args)
            }
        }
    };
}

engine_workflow!(EngineWorkflow, "EngineWorkflow", decides: "");
engine_workflow!(CodegenWorkflow, "CodegenWorkflow", decides: "codegen");
