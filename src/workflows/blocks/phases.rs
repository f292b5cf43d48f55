//! The phase strip of a workflow: which phase runs, since when, and how each ended.

use crate::contracts::clock::Timestamp;
use crate::contracts::phase::{Phase, PhaseStatus};

/// Phases in their order.
#[derive(Clone, Debug, Default)]
pub struct Phases(Vec<Phase>);

impl Phases {
    pub fn new(names: &[&str]) -> Self {
        let pending = |name: &&str| Phase {
            name: (*name).to_owned(),
            status: PhaseStatus::Pending,
            started_at: None,
            ended_at: None,
        };
        Self(names.iter().map(pending).collect())
    }

    /// Sets `name` to `status`, and its times with it. A phase the strip does not have yet is added at its end.
    pub fn set(&mut self, name: &str, status: PhaseStatus, now: Timestamp) {
        let at = self.0.iter().position(|phase| phase.name == name).unwrap_or_else(|| {
            self.0.extend(Self::new(&[name]).0);
            self.0.len() - 1
        });
        let Some(phase) = self.0.get_mut(at) else { return };
        phase.status = status;
        match status {
            PhaseStatus::Running | PhaseStatus::Waiting | PhaseStatus::Paused | PhaseStatus::RollingBack => {
                phase.started_at.get_or_insert(now);
                phase.ended_at = None;
            }
            PhaseStatus::Done | PhaseStatus::Failed | PhaseStatus::RolledBack => phase.ended_at = Some(now),
            PhaseStatus::Pending | PhaseStatus::Skipped => {}
        }
    }

    /// Gives every phase that is under way `status`: what interrupted one interrupted it.
    pub fn end_active(&mut self, status: PhaseStatus, now: Timestamp) {
        let active = |phase: &&Phase| {
            matches!(
                phase.status,
                PhaseStatus::Running | PhaseStatus::Waiting | PhaseStatus::Paused | PhaseStatus::RollingBack
            )
        };
        let names: Vec<String> = self.0.iter().filter(active).map(|phase| phase.name.clone()).collect();
        for name in names {
            self.set(&name, status, now);
        }
    }

    pub fn all(&self) -> Vec<Phase> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::Phases;
    use crate::contracts::clock::Timestamp;
    use crate::contracts::phase::PhaseStatus;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis).unwrap()
    }

    #[test]
    fn a_phase_keeps_when_it_first_began_and_when_it_ended() {
        let mut phases = Phases::new(&["build", "ship"]);
        phases.set("build", PhaseStatus::Running, at(1));
        phases.set("build", PhaseStatus::Waiting, at(2));
        phases.set("build", PhaseStatus::Done, at(3));
        let build = &phases.all()[0];
        assert_eq!((build.started_at, build.ended_at), (Some(at(1)), Some(at(3))));
        assert_eq!(phases.all()[1].status, PhaseStatus::Pending);
    }

    #[test]
    fn an_interruption_ends_what_is_active_and_nothing_else() {
        let mut phases = Phases::new(&["a", "b", "c"]);
        phases.set("a", PhaseStatus::Done, at(1));
        phases.set("b", PhaseStatus::Running, at(1));
        phases.end_active(PhaseStatus::Failed, at(2));
        phases.set("rollback", PhaseStatus::RollingBack, at(2));
        let status: Vec<_> = phases.all().into_iter().map(|phase| phase.status).collect();
        assert_eq!(status, [PhaseStatus::Done, PhaseStatus::Failed, PhaseStatus::Pending, PhaseStatus::RollingBack]);
    }
}
