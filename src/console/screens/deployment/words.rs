//! The one line that says how the deployment stands, the worst thing first, and what a person can do when a step is
//! stuck. Text only: how it looks is the view's.

use crate::console::action::Action;
use crate::console::countdown::{Countdown, Prospect};
use crate::console::ctx::{Ctx, LIVE_PATIENCE};
use crate::console::pending;
use crate::console::screen::Context;
use crate::console::screens::deployment::scene::Scene;
use crate::console::screens::deployment::state::{Answer, Asked, State};
use crate::console::theme::sign::Sign;
use crate::console::widgets::time;
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::delivery::DeploymentStage;
use crate::contracts::rollback::{RollbackProgress, RollbackStep, StepReport, StepStatus};
use crate::contracts::workflow::{HeldUp, PendingActivity};

/// How loud a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Calm,
    Notice,
    /// It wants an eye now.
    Bad,
    /// Nobody must miss it: the whole line, inverted.
    Alarm,
    /// Nobody must miss it, and it is good.
    Triumph,
}

/// A line with its sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    pub tone: Tone,
    pub sign: Sign,
    pub text: String,
    /// The same where there is little room; nothing when it is short already.
    pub short: Option<String>,
}

fn words(tone: Tone, sign: Sign, text: impl Into<String>) -> Words {
    Words { tone, sign, text: text.into(), short: None }
}

/// How the deployment stands: the one thing a person must know now.
pub fn standing(state: &State, scene: &Scene<'_>, ctx: &Ctx<'_>) -> Words {
    if let Some(rolling) = scene.rolling() {
        return rolled(state, scene, rolling);
    }
    let held_up = scene.held_up();
    if let Asked::Sent { at, answer, .. } = &state.asked {
        return sent(*at, answer, held_up, ctx);
    }
    if !scene.is_open() {
        return ended(scene);
    }
    let countdown = scene.countdown();
    if let (Some(silent), Asked::Preview { .. }) = (ctx.silent_for(), &state.asked) {
        return would_not_arrive(silent, ctx);
    }
    if let (Some(held_up), Asked::Preview { .. }) = (held_up, &state.asked) {
        return would_wait(held_up, ctx);
    }
    if let Some(held_up) = held_up {
        return standing_still(held_up, scene, countdown, ctx);
    }
    if let Some(until) = scene.paused_until() {
        return paused(until, countdown, ctx);
    }
    if let Some(fired) = scene.fired() {
        return words(Tone::Alarm, Sign::Failed, format!("{} fired: the rollback begins", fired.trigger.title()));
    }
    if let Some(countdown) = countdown {
        return if scene.stale { out_of_sight(&countdown, scene, ctx) } else { failing(&countdown, scene, ctx) };
    }
    staged(scene)
}

/// What is previewed would not reach Temporal from here, as far as the last answer says.
fn would_not_arrive(silent: Millis, ctx: &Ctx<'_>) -> Words {
    let key = ctx.key(Context::Deployment, Action::RollBack);
    let silent = time::coarse(silent);
    let (short, rest) = if ctx.has_coordinator() {
        let short = format!("Temporal has not answered for {silent}: {key} goes through the coordinator");
        (short, ", which answers")
    } else {
        let short = format!("{key} cannot be sent now: Temporal has not answered for {silent}");
        (short, " · the console reconnects by itself")
    };
    let text = format!("{short}{rest}");
    Words { short: Some(short), ..words(Tone::Alarm, Sign::Warning, text) }
}

/// What is previewed may not begin at once: whoever presses the key knows it before. That nobody looks means that one
/// activity is silent: another worker may take the rollback at once, so only where no worker takes anything does it wait.
fn would_wait(held_up: HeldUp, ctx: &Ctx<'_>) -> Words {
    let key = ctx.key(Context::Deployment, Action::RollBack);
    let (what, late) = held_up.what();
    let late = time::coarse(late);
    let (short, text) = match held_up {
        HeldUp::NoLook(_) => (
            format!("nobody watches for {late} · {key} is sent now, runs once a worker takes it"),
            format!("nobody watches for {late} · {key} is sent now and runs as soon as a worker takes it"),
        ),
        HeldUp::NoWorker(_) => {
            let short = format!("{key} would wait for a worker: {what} for {late}");
            let text = format!("{short} · the server keeps it, and it runs as soon as one is back");
            (short, text)
        }
    };
    Words { short: Some(short), ..words(Tone::Alarm, Sign::Warning, text) }
}

/// Nobody works on it: nothing that counts here goes on by itself, so nothing is promised.
fn standing_still(held_up: HeldUp, scene: &Scene<'_>, countdown: Option<Countdown<'_>>, ctx: &Ctx<'_>) -> Words {
    let key = ctx.key(Context::Deployment, Action::RollBack);
    let (what, late) = held_up.what();
    let late = time::coarse(late);
    let failing = countdown.map(|Countdown { trigger, .. }| format!("{} {}", trigger.trigger.title(), trigger.now));
    let fired = scene.fired().map(|fired| fired.trigger.title());
    let (short, rest) = match (held_up, fired, failing) {
        (HeldUp::NoLook(_), Some(fired), _) => {
            (format!("{fired} fired {late} ago, and nothing has followed"), format!(" · {key} is sent now"))
        }
        (HeldUp::NoWorker(_), Some(fired), _) => {
            (format!("{fired} fired, but no worker takes the rollback for {late}"), ": start one and it begins".into())
        }
        (HeldUp::NoLook(_), None, Some(failing)) => (
            format!("{failing} · no look for {late}: no automatic rollback"),
            format!(" until somebody looks again · {key} is sent now"),
        ),
        (HeldUp::NoWorker(_), None, Some(failing)) => (
            format!("{failing} · no worker for {late}: no automatic rollback"),
            format!(" until one is back · {key} is kept for it"),
        ),
        (HeldUp::NoLook(_), None, None) => (
            format!("{what} for {late}: no automatic rollback until somebody looks again"),
            format!(" · {key} is sent now"),
        ),
        (HeldUp::NoWorker(_), None, None) => (format!("{what} for {late}"), format!(": {}", held_up.so())),
    };
    let text = format!("{short}{rest}");
    Words { short: Some(short), ..words(Tone::Alarm, Sign::Warning, text) }
}

fn rolled(state: &State, scene: &Scene<'_>, rolling: &RollbackProgress) -> Words {
    if let Some(verified_at) = rolling.verified_at {
        let again = serving_again(state, scene, rolling, verified_at);
        let short = again.replace("is serving again", "serves again").replace("after you pressed", "after");
        return Words { short: Some(short), ..words(Tone::Triumph, Sign::Ok, again) };
    }
    let Some(step) = scene.current_step() else {
        return words(Tone::Notice, Sign::RollingBack, "rolling back: every step is done, the end is not recorded yet");
    };
    let number = RollbackStep::ALL.iter().position(|known| *known == step.step).unwrap_or(0) + 1;
    let since = since_asked(state, scene, rolling);
    let what = step.step.title();
    if matches!(step.status, StepStatus::Retrying { .. }) {
        return words(Tone::Alarm, Sign::Failed, format!("stuck at step {number} of 6, {what} · {since}"));
    }
    if let Some(HeldUp::NoWorker(waits)) = scene.held_up() {
        let short = format!("step {number} of 6, {what}: no worker takes it for {}", time::coarse(waits));
        return Words {
            short: Some(short.clone()), ..words(Tone::Alarm, Sign::Warning, format!("{short} · {since}"))
        };
    }
    let clock = since.split_once(' ').map_or(since.as_str(), |(clock, _)| clock);
    let short = format!("step {number} of 6, {what} · {clock}");
    let whole = words(Tone::Bad, Sign::RollingBack, format!("rolling back: step {number} of 6, {what} · {since}"));
    Words { short: Some(short), ..whole }
}

/// `00:07 since you pressed R`.
pub fn since_asked(state: &State, scene: &Scene<'_>, rolling: &RollbackProgress) -> String {
    match &state.asked {
        Asked::Sent { at, .. } => format!("{} since you pressed R", time::clock(scene.now.since(*at))),
        Asked::No | Asked::Preview { .. } => {
            format!("{} since {}", time::clock(scene.now.since(rolling.cause.at)), asked_by(rolling))
        }
    }
}

fn asked_by(rolling: &RollbackProgress) -> String {
    match rolling.cause.trigger {
        Some(trigger) => format!("{} fired", trigger.title()),
        None if rolling.cause.actor.name.is_empty() => "it was asked for".to_owned(),
        None => format!("{} asked", rolling.cause.actor.name),
    }
}

/// `v41 is serving again, verified 14:03:51 · 41 s after detection, 12 s after you pressed R`
fn serving_again(state: &State, scene: &Scene<'_>, rolling: &RollbackProgress, verified_at: Timestamp) -> String {
    let version = scene.previous_version().map_or("the previous version", |version| version.as_str());
    let seconds = |from: Timestamp| format!("{} after", verified_at.since(from).words());
    let detected = rolling.cause.trigger.map(|_| rolling.cause.at).or(scene.detected_at());
    // Detected after it was asked for is no detection: somebody saw it first.
    let detected = detected.filter(|at| *at <= rolling.cause.at).map(|at| format!("{} detection", seconds(at)));
    let asked = match &state.asked {
        Asked::Sent { at, .. } => Some(format!("{} you pressed R", seconds(*at))),
        Asked::No | Asked::Preview { .. } if rolling.cause.trigger.is_none() => {
            Some(format!("{} {}", seconds(rolling.cause.at), asked_by(rolling)))
        }
        Asked::No | Asked::Preview { .. } => None,
    };
    let after: Vec<String> = detected.into_iter().chain(asked).collect();
    let after = if after.is_empty() { String::new() } else { format!(" · {}", after.join(", ")) };
    format!("{version} is serving again, verified {}{after}", time::second(verified_at))
}

fn sent(at: Timestamp, answer: &Answer, held_up: Option<HeldUp>, ctx: &Ctx<'_>) -> Words {
    let since = time::clock(ctx.now.since(at));
    match answer {
        Answer::Waiting | Answer::Accepted if matches!(held_up, Some(HeldUp::NoWorker(_))) => words(
            Tone::Alarm,
            Sign::Waiting,
            format!(
                "rollback sent, but no worker takes it up: it is kept until one does · {since} since you pressed R"
            ),
        ),
        Answer::Waiting if held_up.is_some() => words(
            Tone::Alarm,
            Sign::Waiting,
            format!("rollback sent, it runs as soon as a worker takes it · {since} since you pressed R"),
        ),
        Answer::Waiting => words(Tone::Bad, Sign::RollingBack, format!("rollback sent · {since} since you pressed R")),
        Answer::Accepted => {
            words(Tone::Bad, Sign::RollingBack, format!("rollback accepted, it begins · {since} since you pressed R"))
        }
        Answer::Durable => words(
            Tone::Alarm,
            Sign::Waiting,
            format!(
                "rollback asked for durably, but no worker has taken it yet: start one and it runs · {since} since you pressed R"
            ),
        ),
        Answer::Failed(failure) => {
            let key = ctx.key(Context::Deployment, Action::RollBack);
            words(
                Tone::Alarm,
                Sign::Failed,
                format!("rollback not sent · {key} sends the same request again · {}", failure.message),
            )
        }
    }
}

fn paused(until: Timestamp, countdown: Option<Countdown<'_>>, ctx: &Ctx<'_>) -> Words {
    let left = time::countdown(ctx.now, until);
    let key = ctx.key(Context::Deployment, Action::ResumeMonitoring);
    let failing = countdown.map(|failing| format!(" · {} is failing", failing.trigger.trigger.title()));
    let text =
        format!("PAUSED: no automatic rollback for another {left}{} · {key} resumes", failing.unwrap_or_default());
    words(Tone::Alarm, Sign::Paused, text)
}

/// What follows is promised while looks come, and no longer than until it is due.
fn failing(countdown: &Countdown<'_>, scene: &Scene<'_>, ctx: &Ctx<'_>) -> Words {
    let trigger = countdown.trigger;
    let (tone, then) = match scene.prospect(countdown) {
        Prospect::At(fires_at) => (Tone::Bad, format!("automatic rollback in {}", time::countdown(ctx.now, fires_at))),
        Prospect::Doubtful => (Tone::Bad, "automatic rollback in doubt: the next look is late".to_owned()),
        Prospect::Due => (Tone::Bad, "automatic rollback at the next look".to_owned()),
        Prospect::Overdue(late) => {
            (Tone::Alarm, format!("automatic rollback overdue {}: no worker answers?", time::coarse(late)))
        }
    };
    let text = format!(
        "{} {} · {then} · {} now · {} of {}, limit {}",
        trigger.trigger.title(),
        trigger.now,
        ctx.key(Context::Deployment, Action::RollBack),
        countdown.count,
        countdown.of,
        trigger.limit,
    );
    words(tone, Sign::Warning, text)
}

/// What failed when it was last seen. What became of it since is not known, so no time is told.
fn out_of_sight(countdown: &Countdown<'_>, scene: &Scene<'_>, ctx: &Ctx<'_>) -> Words {
    let Countdown { trigger, count, of, .. } = countdown;
    let seen = scene.last_sample().map(|sample| time::age(scene.now, sample.at)).unwrap_or_default();
    let (title, now) = (trigger.trigger.title(), &trigger.now);
    let short = format!("{title} {now} · last seen {seen} ago, {count} of {of}");
    let key = ctx.key(Context::Deployment, Action::RollBack);
    let text = format!("{short}: whether it rolls back by itself cannot be seen · {key} now");
    Words { short: Some(short), ..words(Tone::Alarm, Sign::Warning, text) }
}

fn ended(scene: &Scene<'_>) -> Words {
    let status = scene.row.status.as_str();
    match scene.stage() {
        Some(DeploymentStage::Live) => {
            words(Tone::Triumph, Sign::Ok, "live: watched to the end, accepted and validated")
        }
        Some(DeploymentStage::RolledBack) => words(Tone::Calm, Sign::RollingBack, "rolled back"),
        Some(DeploymentStage::Failed) => {
            words(Tone::Bad, Sign::Failed, "failed before anything was changed in production")
        }
        Some(stage) => words(
            Tone::Alarm,
            Sign::Failed,
            format!(
                "the workflow is {status} while {}: nothing watches this version, and nothing rolls it back",
                stage.as_str()
            ),
        ),
        None => words(Tone::Notice, Sign::from(scene.row.status), format!("the workflow is {status}")),
    }
}

fn staged(scene: &Scene<'_>) -> Words {
    let text = match scene.stage() {
        Some(DeploymentStage::Preparing) => "recording what is live and what is normal for it",
        Some(DeploymentStage::BackingUp) => "backing the database up",
        Some(DeploymentStage::Migrating) => "migrating the database",
        Some(DeploymentStage::Deploying) => "starting the new version",
        Some(DeploymentStage::Verifying) => "waiting until the new version answers",
        Some(DeploymentStage::Monitoring) => return watching(scene),
        Some(DeploymentStage::Accepting) => "running the user acceptance test",
        Some(DeploymentStage::Validating) => "validating what was seen",
        Some(DeploymentStage::Live) => "live: watched to the end, accepted and validated",
        Some(DeploymentStage::RollingBack) => "rolling back",
        Some(DeploymentStage::RolledBack) => "rolled back",
        Some(DeploymentStage::Failed) => "failed before anything was changed in production",
        None => "this workflow publishes no deployment",
    };
    words(Tone::Notice, Sign::Running, text)
}

/// Quiet is what somebody sees who looks. What this console has not seen for a while was quiet.
fn watching(scene: &Scene<'_>) -> Words {
    let Some((report, last)) = scene.health().and_then(|report| Some((report, report.samples.last()?))) else {
        return words(Tone::Calm, Sign::Ok, "watching: no look yet");
    };
    if scene.stale || scene.at.is_some_and(|at| scene.now.since(at) > LIVE_PATIENCE) {
        let ago = time::age(scene.now, last.at);
        return words(Tone::Calm, Sign::Unknown, format!("was quiet, last look {ago} ago"));
    }
    let looks = if report.taken == 1 { "1 look".to_owned() } else { format!("{} looks", report.taken) };
    let every = time::fine(report.interval_ms);
    words(Tone::Calm, Sign::Ok, format!("all quiet: {looks}, one every {every}, all triggers within their limits"))
}

/// What is being tried for a step: `attempt 4, due in 8s: connection refused`.
pub fn trying(now: Timestamp, activity: &PendingActivity) -> String {
    let mut text = format!("attempt {}, {}", activity.attempt, pending::standing(activity, now));
    if let Some(failure) = &activity.last_failure {
        text.push_str(": ");
        text.push_str(failure);
    }
    text
}

/// What a person can do while a step is tried again.
pub fn advice(step: &StepReport, pending: Option<&PendingActivity>, held_up: Option<HeldUp>) -> Option<&'static str> {
    let stuck = matches!(step.status, StepStatus::Retrying { .. });
    let retried = pending.is_some_and(|pending| pending.attempt > 1);
    if !stuck && !retried {
        return matches!(held_up, Some(HeldUp::NoWorker(_)))
            .then_some("No worker is polling? Start `gatewatch-worker worker`: it takes the step up where it stands.");
    }
    Some(match step.step {
        RollbackStep::Migrations => {
            "It is tried until it succeeds. See that the database answers and is not locked; the verified backup is there."
        }
        RollbackStep::Code => {
            "It is tried until it succeeds. See that the repository can be written; traffic is not held up by hand-made commits."
        }
        RollbackStep::Deploy => {
            "It is tried until it succeeds. You may start the previous version by hand: the next attempt finds it serving."
        }
        RollbackStep::Verify => {
            "It is served again and looked at again, until the previous version answers. See what answers at its address."
        }
        RollbackStep::Monitor => {
            "The previous version has the traffic. It is watched until it has been healthy a few looks in a row."
        }
        RollbackStep::Document => {
            "The previous version has the traffic. Only the record is missing; it is written as soon as it can be."
        }
    })
}
