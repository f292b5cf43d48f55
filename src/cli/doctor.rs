//! `gatewatch doctor`: can this machine, this terminal and this cluster do the job, and what to do where not.

use std::io::IsTerminal;
use std::time::Duration;

use serde::Serialize;

use crate::cli::exit::{self, Exit, Stop};
use crate::cli::output::{Output, Tone};
use crate::cli::session::Session;
use crate::cli::words;
use crate::config::settings;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::http::QueueStanding;
use crate::contracts::ids::WorkflowId;
use crate::contracts::mutation::{Done, Mutation};
use crate::contracts::temporal::names::attribute;
use crate::contracts::workflow::{HeldUp, LookedAt, WorkflowRow, not_looked_at};

/// Longer than a healthy answer takes, short enough to wait for.
const CONNECT: Duration = Duration::from_secs(8);
/// Deadlines and ages are compared with this machine's clock.
const MAX_SKEW: Duration = Duration::from_secs(2);
/// So many watched deployments are asked for, and looked at.
const WATCHED: u32 = 50;

/// Check connection, namespace, search attributes, workers, coordinator, clock and terminal, and say what to do.
///
/// Ends as the first thing that does not work would end a command (6 for a server that cannot be reached, 7 for
/// credentials), with 0 when all works, warnings included.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = exit::example("gatewatch doctor --fix --profile prod"))]
pub struct Doctor {
    /// Register missing search attributes.
    #[arg(long)]
    fix: bool,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Ok,
    Warning,
    Failed,
}

/// One check. This is also its JSON form.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    name: &'static str,
    verdict: Verdict,
    detail: String,
    /// What to do; empty when there is nothing to do.
    remedy: String,
    #[serde(skip)]
    exit: Exit,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, detail: detail.into(), remedy: String::new(), exit: Exit::Ok }
    }

    fn warning(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warning, detail: detail.into(), remedy: remedy.into(), exit: Exit::Ok }
    }

    fn failed(name: &'static str, failure: Failure) -> Self {
        let exit = failure.kind.into();
        Self { name, verdict: Verdict::Failed, detail: failure.message, remedy: failure.hint, exit }
    }
}

impl Doctor {
    /// The session need not be connected: that is the first thing to find out.
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let mut checks = vec![configuration(session)];
        match session.gateway.connected(CONNECT).await {
            Ok(()) => {
                checks.push(connection(session).await);
                checks.push(self.attributes(session).await);
                checks.push(workers(session).await);
            }
            Err(failure) => checks.push(Check::failed("connection", failure)),
        }
        checks.extend(coordinator(session).await);
        checks.extend(terminal());
        print(session.out, &checks)?;
        Ok(checks.iter().map(|check| check.exit).find(|exit| *exit != Exit::Ok).unwrap_or(Exit::Ok))
    }

    async fn attributes(&self, session: &Session) -> Check {
        const NAME: &str = "search attributes";
        let missing = match session.gateway.missing_attributes().await {
            Ok(missing) => missing,
            Err(failure) => return Check::failed(NAME, failure),
        };
        if missing.is_empty() {
            return Check::ok(NAME, "all are registered");
        }
        let names: Vec<&str> = missing.iter().map(|attribute| attribute.name).collect();
        if !self.fix {
            let detail =
                format!("missing: {}; phases and gates cannot be read, workers refuse to start", names.join(", "));
            return Check::failed(NAME, Failure::new(FailureKind::Internal, detail, "Run `gatewatch doctor --fix`."));
        }
        match session.operator.perform(Mutation::RegisterAttributes).await {
            Ok(Done::Registered { names }) => Check::ok(NAME, format!("registered: {}", names.join(", "))),
            Ok(
                Done::Decided { .. }
                | Done::RolledBack { .. }
                | Done::Signalled { .. }
                | Done::Told { .. }
                | Done::Started { .. }
                | Done::Stopping { .. }
                | Done::Unanswered,
            ) => Check::ok(NAME, "registered"),
            Err(failure) => Check::failed(NAME, failure),
        }
    }
}

fn configuration(session: &Session) -> Check {
    const NAME: &str = "configuration";
    let cluster = session.gateway.cluster();
    let mode = if session.settings.console.read_only { ", read-only" } else { "" };
    let actor = &session.settings.console.actor;
    let detail = format!("profile {}, namespace {}, as {actor}{mode}", cluster.profile, cluster.namespace);
    if actor == settings::UNKNOWN_ACTOR {
        let detail = format!("{detail}; neither USER nor LOGNAME says who you are, and records will not either");
        return Check::warning(NAME, detail, "Set console.actor, or USER.");
    }
    Check::ok(NAME, detail)
}

async fn connection(session: &Session) -> Check {
    const NAME: &str = "connection";
    let address = session.gateway.cluster().address;
    let asked = std::time::Instant::now();
    match session.gateway.server_info().await {
        Ok(info) => {
            let store = info.visibility_store.map_or_else(String::new, |store| format!(", lists from {store}"));
            let took = asked.elapsed().as_millis();
            Check::ok(NAME, format!("{address}, server {}{store}, answered in {took} ms", info.version))
        }
        Err(failure) => Check::failed(NAME, failure),
    }
}

/// A poll may wait a minute for work, so one worker alone cannot be told from one that died since: work that is not taken
/// tells.
async fn workers(session: &Session) -> Check {
    const NAME: &str = "workers";
    let queue = &session.settings.temporal.task_queue;
    let pollers = match session.gateway.pollers(queue).await {
        Ok(pollers) => pollers,
        Err(failure) => return Check::failed(NAME, failure),
    };
    let Some(polled_at) = pollers.polled_at else {
        return Check::warning(
            NAME,
            format!("nobody polls queue {queue}; decisions stay in doubt and rollbacks wait"),
            "Start `gatewatch-worker worker`, or name another queue with TEMPORAL_TASK_QUEUE.",
        );
    };
    let have = if pollers.count == 1 { "has" } else { "have" };
    let ago = words::relative(words::now(), polled_at);
    let polled = format!("{} {have} polled queue {queue} within the last minute, the latest {ago}", pollers.count);
    let work = Work::look(session, queue).await;
    if let Some((id, held_up)) = &work.held_up {
        let (what, late) = held_up.what();
        return Check::warning(
            NAME,
            format!("{polled}; but {id}: {what} for {}", late.words()),
            "The worker is gone or stuck: start `gatewatch-worker worker` again, and its work goes on.",
        );
    }
    if work.unseen > 0 {
        return Check::warning(
            NAME,
            format!("{polled}; but whether {} is worked on could not be seen", deployments(work.unseen)),
            "Run `gatewatch doctor` again, or look at each with `gatewatch show`.",
        );
    }
    Check::ok(NAME, polled)
}

fn deployments(count: usize) -> String {
    if count == 1 { "1 live deployment".to_owned() } else { format!("{count} live deployments") }
}

/// What is known of the work that a queue's watched deployments wait for.
#[derive(Debug, PartialEq, Eq)]
struct Work {
    /// The one that has waited longest, if any has to wait.
    held_up: Option<(WorkflowId, HeldUp)>,
    /// So many could not be looked at.
    unseen: usize,
}

impl Work {
    async fn look(session: &Session, queue: &str) -> Self {
        let watched = format!("ExecutionStatus = 'Running' AND {} IS NOT NULL", attribute::HEALTH);
        // Without search attributes there is no list, and another check says so.
        let page = session.gateway.list(&watched, None, WATCHED).await;
        let mut rows = page.map(|page| page.rows).unwrap_or_default();
        rows.retain(|row| row.task_queue == *queue);
        let all = rows.len();
        let looked_at = session.gateway.look_closer(&mut rows, all).await;
        Self::of(&rows, &looked_at)
    }

    fn of(rows: &[WorkflowRow], looked_at: &LookedAt) -> Self {
        let held_up = rows.iter().filter_map(|row| Some((row.id.clone(), (*looked_at.get(&row.run_id)?)?)));
        Self {
            held_up: held_up.max_by_key(|(_, held_up)| held_up.what().1),
            unseen: not_looked_at(rows, looked_at).count(),
        }
    }
}

async fn coordinator(session: &Session) -> Vec<Check> {
    const NAME: &str = "coordinator";
    let Some(coordinator) = &session.coordinator else {
        let detail = "none is configured; decisions go straight to Temporal, without proof of who decides";
        return vec![Check::warning(NAME, detail, "Set coordinator_client.url, or pass --coordinator.")];
    };
    let address = coordinator.address();
    let (reached, queue) = match coordinator.ready().await {
        Ok(readiness) => (Check::ok(NAME, format!("{address} is ready")), readiness.queue),
        Err(failure) => (Check::failed(NAME, failure), None),
    };
    let has_token = session.settings.coordinator_client.as_ref().is_some_and(|client| client.token.is_some());
    let token = if has_token {
        Check::ok("token", "there is one for the coordinator")
    } else {
        let remedy = "Pass --token-file, or set GATEWATCH_TOKEN.";
        Check::warning("token", "there is none for the coordinator; it will not take decisions", remedy)
    };
    let mut checks = vec![reached, token];
    checks.extend(queue.map(queue_of));
    checks.extend(clock(coordinator.clock_skew().await));
    checks
}

/// The queue that the coordinator takes answers from, as it sees it.
fn queue_of(queue: QueueStanding) -> Check {
    const NAME: &str = "queue";
    let QueueStanding { address, stream, consumer, up, trouble } = queue;
    if up {
        return Check::ok(NAME, format!("{address}, stream {stream}, consumer {consumer}"));
    }
    Check::warning(
        NAME,
        format!("the coordinator cannot take answers from {address}: {trouble}"),
        "Check NATS and coordinator.nats; what agents send there waits.",
    )
}

/// The coordinator's clock stands for the cluster's: Temporal tells nobody its own.
fn clock(skew: Result<Duration, Failure>) -> Option<Check> {
    let skew = skew.ok()?;
    let detail = format!("{:.1} s off the coordinator's", skew.as_secs_f64());
    if skew <= MAX_SKEW {
        return Some(Check::ok("clock", detail));
    }
    Some(Check::warning(
        "clock",
        format!("{detail}; deadlines and ages are shown wrong by that"),
        "Synchronise this machine's clock.",
    ))
}

fn terminal() -> Vec<Check> {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let term = variable("TERM");
    let mut checks = vec![match term.as_str() {
        _ if !std::io::stdout().is_terminal() => Check::ok("terminal", "stdout is no terminal"),
        "" | "dumb" => Check::warning(
            "terminal",
            format!("TERM is `{term}`; the console cannot draw here"),
            "Use a real terminal, or the commands without a screen.",
        ),
        _ => Check::ok("terminal", format!("TERM={term}, {}", colours(&term, &variable("COLORTERM")))),
    }];
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable).into_iter().find(|value| !value.is_empty());
    let locale = locale.unwrap_or_default();
    let utf8 = locale.to_ascii_uppercase().replace('-', "").contains("UTF8");
    checks.push(if utf8 {
        Check::ok("text", locale)
    } else {
        Check::warning(
            "text",
            format!("the locale `{locale}` is not UTF-8; signs may be drawn wrong"),
            "Set LANG=C.UTF-8.",
        )
    });
    checks
}

fn colours(term: &str, colorterm: &str) -> &'static str {
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        "no colours (NO_COLOR)"
    } else if matches!(colorterm, "truecolor" | "24bit") {
        "24-bit colours"
    } else if term.contains("256color") {
        "256 colours"
    } else {
        "16 colours"
    }
}

fn print(out: Output, checks: &[Check]) -> std::io::Result<()> {
    if out.is_json() {
        return out.json(&checks);
    }
    let widest = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    for check in checks {
        let (sign, tone) = match check.verdict {
            Verdict::Ok => ("ok  ", Tone::Good),
            Verdict::Warning => ("warn", Tone::Warning),
            Verdict::Failed => ("FAIL", Tone::Bad),
        };
        out.line(&format!("{}  {:<widest$}  {}", out.paint(tone, sign), check.name, check.detail))?;
        if !check.remedy.is_empty() {
            out.line(&format!("      {:<widest$}  → {}", "", check.remedy))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Work;
    use crate::contracts::clock::Millis;
    use crate::contracts::workflow::{HeldUp, WorkflowRow};

    fn watched(id: &str) -> WorkflowRow {
        let row = json!({
            "id": id, "runId": id, "workflowType": "ProductionDeploymentWorkflow", "status": "running",
            "taskQueue": "gatewatch", "health": "watching", "gates": [], "historyLength": 9,
        });
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn the_longest_wait_is_told_and_a_look_that_failed_is_not_ok() {
        let rows = ["a", "b", "c", "d"].map(watched);
        let late = |seconds| Some(HeldUp::NoWorker(Millis::from_secs(seconds)));
        let found = [late(6), late(90), None];
        let looked_at = rows.iter().map(|row| row.run_id.clone()).zip(found).collect();
        let work = Work::of(&rows, &looked_at);
        assert_eq!(work, Work { held_up: late(90).map(|late| ("b".into(), late)), unseen: 1 });
    }
}
