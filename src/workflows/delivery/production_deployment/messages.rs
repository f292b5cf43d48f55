//! What people and other systems may tell a deployment, and what it makes of it. Every message is safe to receive
//! twice.

use serde::Deserialize;

use crate::contracts::actor::Actor;
use crate::contracts::clock::Timestamp;
use crate::contracts::delivery::{DeploymentInput, ExtendMonitoring, MonitorSettings, PauseMonitoring, ReportBug};
use crate::contracts::health::Trigger;
use crate::contracts::ids::RequestId;
use crate::contracts::rollback::{RollbackCause, RollbackReply, RollbackRequest};
use crate::contracts::temporal::args::Args;
use crate::workflows::blocks::authority::Channel;
use crate::workflows::blocks::decision::{Claimed, honest};
use crate::workflows::blocks::text::clip;
use crate::workflows::delivery::production_deployment::state::{Deployment, Stopped, StoppedBy};

/// The order of positional arguments.
pub mod positional {
    pub const TRIGGER_ROLLBACK: [&str; 3] = ["reason", "requestId", "actor"];
    pub const REPORT_BUG: [&str; 3] = ["severity", "title", "requestId"];
    pub const EXTEND_MONITORING: [&str; 2] = ["byMs", "requestId"];
    pub const PAUSE_MONITORING: [&str; 3] = ["forMs", "reason", "requestId"];
}

/// The longest name that fits a search attribute with room to spare.
const LONGEST_NAME: usize = 100;

/// Reads the input and holds it together.
pub(super) fn read_input(args: &Args) -> Result<DeploymentInput, String> {
    let input: DeploymentInput = args.read(&[])?;
    check(&input)?;
    Ok(input)
}

/// Whether a deployment with this input can work. Whoever starts one asks before.
pub fn check(input: &DeploymentInput) -> Result<(), String> {
    if input.service.is_empty() || input.commit_sha.is_empty() {
        return Err("`service` and `commitSha` must be given".to_owned());
    }
    if input.environment.is_empty() || input.environment.as_str().len() > LONGEST_NAME {
        return Err(format!("`environment` must have 1 to {LONGEST_NAME} characters"));
    }
    let MonitorSettings { interval_ms, duration_ms, baseline_samples, recovery_samples, .. } = input.monitor;
    let (shortest, longest) = (MonitorSettings::SHORTEST_INTERVAL, MonitorSettings::LONGEST_INTERVAL);
    if !(shortest..=longest).contains(&interval_ms) {
        return Err(format!("`monitor.intervalMs` must be from {} to {}", shortest.0, longest.0));
    }
    let longest = MonitorSettings::LONGEST_WATCH;
    for (name, length) in [("monitor.durationMs", duration_ms), ("maxPauseMs", input.max_pause_ms)] {
        if length > longest {
            return Err(format!("`{name}` must be at most {}", longest.0));
        }
    }
    let most = MonitorSettings::MOST_SAMPLES;
    for (name, samples) in [("baselineSamples", baseline_samples), ("recoverySamples", recovery_samples)] {
        if samples > most {
            return Err(format!("`monitor.{name}` must be at most {most}"));
        }
    }
    Ok(())
}

/// Reads `triggerRollback`. There is no unreadable one: what it asks for is in its name.
pub(super) fn read_rollback_signal(args: &Args) -> RollbackRequest {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Signalled {
        #[serde(default)]
        request_id: RequestId,
        #[serde(default)]
        reason: Option<String>,
        #[serde(default)]
        actor: Option<Claimed>,
        #[serde(default)]
        asked_at: Option<Timestamp>,
    }
    match args.read::<Signalled>(&positional::TRIGGER_ROLLBACK) {
        Ok(sent) => RollbackRequest {
            request_id: sent.request_id,
            reason: sent.reason,
            actor: sent.actor.map(Claimed::actor).unwrap_or_default(),
            asked_at: sent.asked_at,
        },
        Err(why) => RollbackRequest {
            request_id: RequestId::default(),
            reason: Some(format!("A signal asked for it; its argument cannot be read: {}.", clip(&why, 120))),
            actor: Actor::default(),
            asked_at: None,
        },
    }
}

impl Deployment {
    /// A person asks for the rollback. Any number of requests lead to one; the first cause stands. Asking again while
    /// it waits before trying a failed step again makes it try at once.
    pub(super) fn ask_rollback(&mut self, request: RollbackRequest, now: Timestamp) -> RollbackReply {
        if let Some(stopped) = &self.stopped {
            self.asked_again = self.asked_again.saturating_add(1);
            return RollbackReply { already: true, cause: stopped.cause.clone() };
        }
        let actor = Actor::new(request.actor.name, honest(request.actor.via, Channel::Signal));
        let reason = request.reason.filter(|reason| !reason.trim().is_empty()).unwrap_or_else(|| {
            let who = if actor.name.is_empty() { "somebody unnamed" } else { actor.name.as_str() };
            format!("Asked for by {who}, who gave no reason.")
        });
        // Another clock may be wrong: it was neither after it came here, nor before there was anything to roll back.
        let at = request.asked_at.map_or(now, |asked_at| asked_at.max(self.began_at().unwrap_or(now)).min(now));
        let cause = RollbackCause { trigger: None, reason, actor, at };
        self.stopped = Some(Stopped { cause: cause.clone(), by: StoppedBy::Request });
        RollbackReply { already: false, cause }
    }

    /// The seventh trigger.
    pub(super) fn report_bug(&mut self, bug: &ReportBug, now: Timestamp) -> Result<(), String> {
        if !bug.severity.rolls_back() {
            return Err(format!("A bug of severity {:?} does not roll back: only P0 and P1 do.", bug.severity));
        }
        let title = if bug.title.trim().is_empty() { "no title given" } else { bug.title.as_str() };
        let who = if bug.actor.name.is_empty() { "somebody unnamed" } else { bug.actor.name.as_str() };
        let reason = format!("{:?} bug reported by {}: {}", bug.severity, clip(who, 80), clip(title, 200));
        self.fire(Trigger::SevereBug, reason, now);
        Ok(())
    }

    pub(super) fn extend(&mut self, extend: &ExtendMonitoring, now: Timestamp) -> Result<(), String> {
        if extend.by_ms.0 == 0 {
            return Err("An extension needs a length: give `byMs`.".to_owned());
        }
        if !self.seen.first(extend.request_id.as_str()) {
            return Ok(());
        }
        self.watch.extend(extend.by_ms, now)
    }

    pub(super) fn hold(&mut self, pause: &PauseMonitoring, now: Timestamp) -> Result<(), String> {
        if self.watch.until().is_none() {
            return Err("Nothing is being monitored: there are no triggers to hold back.".to_owned());
        }
        if !self.seen.first(pause.request_id.as_str()) {
            return Ok(());
        }
        self.pause.start(now, pause.for_ms).map(drop)
    }

    pub(super) fn resume(&mut self, now: Timestamp) {
        self.pause.stop(now);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{read_input, read_rollback_signal};
    use crate::contracts::actor::{Actor, Via};
    use crate::contracts::clock::{Millis, Timestamp};
    use crate::contracts::delivery::{
        DeploymentInput, DeploymentStage, ExtendMonitoring, PauseMonitoring, ReportBug, Severity,
    };
    use crate::contracts::health::Trigger;
    use crate::contracts::ids::RequestId;
    use crate::contracts::rollback::RollbackRequest;
    use crate::contracts::temporal::args::Args;
    use crate::workflows::delivery::production_deployment::state::Deployment;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis).unwrap()
    }

    fn input() -> DeploymentInput {
        read_input(&Args::of([json!({"service": "checkout", "commitSha": "9f31c2e", "maxPauseMs": 100})])).unwrap()
    }

    fn deployment() -> Deployment {
        Deployment::new("deploy-42", "run-1", Some(&input()))
    }

    fn request(reason: Option<&str>, actor: Actor) -> RollbackRequest {
        RollbackRequest { request_id: RequestId::from("r"), reason: reason.map(str::to_owned), actor, asked_at: None }
    }

    #[test]
    fn an_input_that_cannot_work_is_refused() {
        let monitor = |monitor: Value| json!({"service": "checkout", "commitSha": "a", "monitor": monitor});
        let cases: [Value; 12] = [
            json!({}),
            json!({"service": "", "commitSha": "a"}),
            json!({"service": "checkout"}),
            json!({"service": "checkout", "commitSha": "a", "environment": ""}),
            json!({"service": "checkout", "commitSha": "a", "environment": "x".repeat(500)}),
            monitor(json!({"intervalMs": 0})),
            // As often as the monitor would look anyway.
            monitor(json!({"intervalMs": 49})),
            monitor(json!({"intervalMs": u64::MAX, "baselineSamples": u32::MAX})),
            monitor(json!({"baselineSamples": 121})),
            // No report keeps so many: they would never be there.
            monitor(json!({"recoverySamples": 121})),
            monitor(json!({"durationMs": u64::MAX})),
            json!({"service": "checkout", "commitSha": "a", "maxPauseMs": u64::MAX}),
        ];
        for sent in cases {
            assert!(read_input(&Args::of([sent.clone()])).is_err(), "{sent}");
        }
        assert_eq!(input().monitor.interval_ms, Millis::from_secs(15), "the seeds' numbers are the defaults");
    }

    #[test]
    fn a_rollback_signal_is_never_unreadable() {
        let bare = read_rollback_signal(&Args::default());
        assert_eq!(bare.reason, None);
        let object =
            read_rollback_signal(&Args::of([json!({"requestId": "r", "reason": "bad", "actor": {"name": "mira"}})]));
        assert_eq!((object.request_id.as_str(), object.actor.name.as_str()), ("r", "mira"));
        let positional = read_rollback_signal(&Args::of([json!("bad"), json!("r"), json!("mira")]));
        assert_eq!((positional.reason.as_deref(), positional.actor.name.as_str()), (Some("bad"), "mira"));
        let garbage = read_rollback_signal(&Args::of([json!({"reason": 7})]));
        assert!(garbage.reason.unwrap().contains("cannot be read"));
    }

    #[test]
    fn many_requests_are_one_rollback_and_the_first_cause_stands() {
        let mut deployment = deployment();
        let first = deployment.ask_rollback(request(Some("errors"), Actor::new("mira", Via::Trigger)), at(1));
        assert!(!first.already);
        assert_eq!(first.cause.actor.via, Via::Signal, "only the workflow itself is a trigger");
        let again = deployment.ask_rollback(request(Some("me too"), Actor::new("tom", Via::Cli)), at(2));
        assert_eq!((again.already, &again.cause), (true, &first.cause));
        deployment.fire(Trigger::ErrorRate, "3.4×".into(), at(3));
        deployment.cancel(at(4));
        assert!(!deployment.was_cancelled());
        assert_eq!(deployment.stopped.unwrap().cause, first.cause);
    }

    #[test]
    fn a_rollback_without_a_reason_says_who() {
        let reply = deployment().ask_rollback(request(Some("  "), Actor::new("mira", Via::Console)), at(1));
        assert_eq!(reply.cause.reason, "Asked for by mira, who gave no reason.");
    }

    /// It may have waited for a worker; a clock that is wrong moves it no further than the deployment itself.
    #[test]
    fn a_rollback_is_as_old_as_it_was_asked_for() {
        let cause_at = |asked_at: Option<i64>| {
            let mut deployment = deployment();
            deployment.enter(DeploymentStage::BackingUp, at(10));
            let asked = RollbackRequest { asked_at: asked_at.map(at), ..request(None, Actor::default()) };
            deployment.ask_rollback(asked, at(100)).cause.at
        };
        assert_eq!(cause_at(Some(40)), at(40));
        assert_eq!(cause_at(Some(5)), at(10));
        assert_eq!(cause_at(Some(900)), at(100));
        assert_eq!(cause_at(None), at(100));
        let sent = json!({"reason": "bad", "askedAt": "2026-11-28T12:58:35Z"});
        assert!(read_rollback_signal(&Args::of([sent])).asked_at.is_some());
    }

    #[test]
    fn only_the_worst_bugs_roll_back() {
        let bug = |severity| ReportBug {
            request_id: RequestId::default(),
            severity,
            title: "money is lost".into(),
            actor: Actor::new("tom", Via::Cli),
        };
        for severity in [Severity::P2, Severity::P3, Severity::P4] {
            let mut deployment = deployment();
            assert!(deployment.report_bug(&bug(severity), at(1)).is_err());
            assert!(!deployment.is_stopped());
        }
        let mut deployment = deployment();
        deployment.report_bug(&bug(Severity::P1), at(1)).unwrap();
        let cause = deployment.stopped.unwrap().cause;
        assert_eq!(cause.trigger, Some(Trigger::SevereBug));
        assert_eq!(cause.reason, "P1 bug reported by tom: money is lost");
    }

    #[test]
    fn extensions_and_pauses_count_once_and_only_while_there_is_something_to_watch() {
        let mut deployment = deployment();
        let extend = ExtendMonitoring { request_id: RequestId::from("e"), by_ms: Millis(50), actor: Actor::default() };
        let pause = PauseMonitoring {
            request_id: RequestId::from("p"),
            for_ms: Millis(500),
            reason: String::new(),
            actor: Actor::default(),
        };
        assert!(deployment.hold(&pause, at(0)).is_err(), "nothing is monitored yet");
        deployment.watch.start(at(0));
        let until = deployment.watch.until().unwrap();
        deployment.extend(&extend, at(1)).unwrap();
        deployment.extend(&extend, at(1)).unwrap();
        assert_eq!(deployment.watch.until(), Some(until.plus(Millis(50))));
        deployment.hold(&pause, at(10)).unwrap();
        assert_eq!(deployment.pause.until(), Some(at(110)), "cut to the input's limit");
        deployment.hold(&pause, at(20)).unwrap();
        assert_eq!(deployment.pause.until(), Some(at(110)), "the same request twice");
        deployment.resume(at(30));
        assert_eq!(deployment.pause.until(), None);
        deployment.watch.end();
        assert!(deployment.extend(&ExtendMonitoring { request_id: RequestId::from("f"), ..extend }, at(2)).is_err());
    }
}
