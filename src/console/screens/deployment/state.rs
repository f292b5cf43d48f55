//! Which deployment is shown, and how far a person has come with rolling it back.

use crate::console::action::Action;
use crate::console::ctx::Ctx;
use crate::console::effect::Interest;
use crate::console::field::{Lines, TextField};
use crate::console::screen::{Beat, Focus};
use crate::console::screens::deployment::scene::Scene;
use crate::contracts::clock::Timestamp;
use crate::contracts::failure::Failure;
use crate::contracts::health::HealthReport;
use crate::contracts::ids::{RequestId, WorkflowId};

/// The screen.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub workflow: Option<WorkflowId>,
    pub asked: Asked,
    /// What is typed as the reason. It stays when the preview is closed: nothing typed is lost.
    pub reason: Option<TextField>,
    /// The last health that was seen. Monitoring ends when the rollback begins; what led there stays on screen.
    pub seen: Option<Seen>,
}

/// Health as last seen, and since when it was bad.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub report: HealthReport,
    pub detected_at: Option<Timestamp>,
}

/// How far a person has come with asking for the rollback.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Asked {
    #[default]
    No,
    /// What it will do is on screen. The id is made here, so that every press means the same rollback.
    Preview { request: RequestId, focus: Focus },
    /// It was sent, and the reason can be typed no more.
    Sent { request: RequestId, at: Timestamp, answer: Answer },
}

/// What came back so far.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Waiting,
    /// The workflow has it.
    Accepted,
    /// The server holds it durably; no worker has taken it yet.
    Durable,
    /// It could not be sent. The same request may be sent again while this is in front of the person.
    Failed(Failure),
}

impl State {
    pub fn interests(&self, _ctx: &Ctx<'_>) -> Vec<Interest> {
        self.workflow.iter().cloned().map(Interest::Workflow).collect()
    }

    pub fn focus(&self) -> Focus {
        match &self.asked {
            Asked::Preview { focus, .. } => *focus,
            Asked::No | Asked::Sent { .. } => Focus::Keys,
        }
    }

    pub fn beat(&self, ctx: &Ctx<'_>) -> Beat {
        let ticks = Scene::of(self, ctx).is_some_and(|scene| scene.is_moving());
        if ticks || matches!(self.asked, Asked::Sent { .. }) { Beat::Second } else { Beat::Minute }
    }

    pub fn subject(&self, _ctx: &Ctx<'_>) -> Option<WorkflowId> {
        self.workflow.clone()
    }

    /// The preview goes, and so does what could not be sent; what was typed as the reason is kept.
    pub fn disarm(&mut self) {
        if matches!(self.asked, Asked::Preview { .. }) {
            self.asked = Asked::No;
        }
        self.forget_failure();
    }

    /// What could not be sent is asked for anew: it was read, or it was about a link that is back.
    pub fn forget_failure(&mut self) {
        if self.has_failed() {
            self.asked = Asked::No;
        }
    }

    /// It could not be sent, and nobody has turned away from that yet.
    pub fn has_failed(&self) -> bool {
        matches!(self.asked, Asked::Sent { answer: Answer::Failed(_), .. })
    }

    /// Whether this action, now, sends something to the world.
    pub fn confirms(&self, action: Action) -> bool {
        action == Action::RollBack && (matches!(self.asked, Asked::Preview { .. }) || self.has_failed())
    }

    /// Whether the rollback of this deployment was sent from here, and is not known to have failed.
    pub fn is_sent(&self, id: &WorkflowId) -> bool {
        let sent = matches!(self.asked, Asked::Sent { .. }) && !self.has_failed();
        sent && self.workflow.as_ref() == Some(id)
    }

    /// Shows a deployment, with nothing asked of it yet. A preview does not outlive the look at it, nor does
    /// what could not be sent; what was sent stays.
    pub fn show(&mut self, workflow: Option<WorkflowId>) {
        if self.workflow == workflow {
            self.disarm();
        } else {
            *self = Self { workflow, ..Self::default() };
        }
    }

    pub fn reason_field(&mut self) -> &mut TextField {
        self.reason.get_or_insert_with(|| TextField::new(Lines::One, ""))
    }

    /// What was typed, if anything was.
    pub fn typed_reason(&self) -> Option<String> {
        let field = self.reason.as_ref().filter(|field| !field.is_blank())?;
        Some(field.text().trim().to_owned())
    }
}
