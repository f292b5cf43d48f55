//! `gatewatch approve`, `reject` and `request-evidence`: look at the gate again, show it, ask, send, follow.

use std::time::Duration;

use clap::Args;

use crate::cli::card;
use crate::cli::changes;
use crate::cli::confirm::{self, Ask};
use crate::cli::exit::{self, Exit, Stop};
use crate::cli::follow;
use crate::cli::output::Tone;
use crate::cli::session::Session;
use crate::cli::stale;
use crate::cli::words;
use crate::contracts::decision::{Outcome, Verdict};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::gate::OpenGate;
use crate::contracts::http::{DecisionRequest, DecisionResponse};
use crate::contracts::ids::{DecisionId, EvidenceDigest, WorkflowId};
use crate::contracts::mutation::{Done, Mutation};
use crate::contracts::shell;
use crate::contracts::text;
use crate::contracts::workflow::WorkflowDetail;

/// Which gate, and how to go about it.
#[derive(Clone, Debug, Args)]
pub struct Gate {
    /// Workflow id.
    pub workflow: String,
    /// Gate id. May be left out where one gate is open.
    #[arg(long)]
    pub gate: Option<String>,
    /// Do not ask.
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// How many seconds to wait for a worker to confirm.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub wait: u64,
    /// Send a decision again under its own id. It has one effect.
    #[arg(long, value_name = "ID")]
    pub decision_id: Option<String>,
}

/// Approve an open gate.
///
/// Shows what is approved and asks; production asks for the environment's name. --yes does not ask, and needs
/// --evidence: approving names what was seen.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch approve ready-checkout-42 --evidence 5d2c... --yes"))]
pub struct Approve {
    #[command(flatten)]
    gate: Gate,
    /// Digest of the evidence that was seen, as `gatewatch show` prints it; its first 8 characters are enough.
    #[arg(long, value_name = "DIGEST", required_if_eq("yes", "true"))]
    evidence: Option<String>,
    /// Why, for the record.
    #[arg(long)]
    reason: Option<String>,
}

/// Reject an open gate, for good.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch reject ready-checkout-42 --reason \"load test missing\""))]
pub struct Reject {
    #[command(flatten)]
    gate: Gate,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
}

/// Have the evidence of a gate collected again.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch request-evidence ready-checkout-42 --reason \"load test missing\""))]
pub struct RequestEvidence {
    #[command(flatten)]
    gate: Gate,
    /// What is missing, for the record.
    #[arg(long)]
    reason: String,
}

impl Approve {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let seen = self.evidence.as_deref().map(EvidenceDigest::from);
        Box::pin(decide(
            session,
            &self.gate,
            &Intent { verdict: Verdict::Approve, seen, reason: self.reason.as_deref() },
        ))
        .await
    }
}

impl Reject {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let intent = Intent { verdict: Verdict::Reject, seen: None, reason: Some(&self.reason) };
        Box::pin(decide(session, &self.gate, &intent)).await
    }
}

impl RequestEvidence {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let intent = Intent { verdict: Verdict::RequestEvidence, seen: None, reason: Some(&self.reason) };
        Box::pin(decide(session, &self.gate, &intent)).await
    }
}

/// What the person wants.
struct Intent<'a> {
    verdict: Verdict,
    /// The evidence they say they saw.
    seen: Option<EvidenceDigest>,
    reason: Option<&'a str>,
}

async fn decide(session: &Session, arguments: &Gate, intent: &Intent<'_>) -> Result<Exit, Stop> {
    let id = WorkflowId::new(arguments.workflow.as_str());
    let detail = session.describe(&id).await?;
    // A repeated decision may find its gate closed by itself: the workflow knows what became of it.
    let gate = match find(&detail, arguments) {
        Ok(gate) => Some(gate),
        Err(_) if arguments.decision_id.is_some() && arguments.gate.is_some() => None,
        Err(stop) => return Err(stop),
    };
    if let Some(gate) = gate {
        if let (Some(seen), Some(current)) = (&intent.seen, gate.digest())
            && !names(seen, current)
        {
            long_enough(&id, seen)?;
            return Err(stale::refuse(session, &id, gate, seen).await);
        }
        if !arguments.yes {
            ask(session, &detail, gate, intent).await?;
        }
    }
    let request = DecisionRequest {
        decision_id: arguments.decision_id.clone().map_or_else(fresh, DecisionId::new),
        workflow_id: id.clone(),
        gate: gate.map_or_else(|| arguments.gate.clone().unwrap_or_default().into(), |gate| gate.id.clone()),
        verdict: intent.verdict,
        // A beginning of it names it; what is sent is the whole.
        evidence: gate.and_then(OpenGate::digest).cloned().or_else(|| intent.seen.clone()),
        reason: intent.reason.map(str::to_owned),
    };
    send(session, request, Duration::from_secs(arguments.wait)).await
}

/// So much of a digest names it.
const ENOUGH: usize = 8;

/// Whether what a person typed is the digest, or its beginning.
pub fn names(seen: &EvidenceDigest, digest: &EvidenceDigest) -> bool {
    seen == digest || (seen.as_str().len() >= ENOUGH && digest.as_str().starts_with(seen.as_str()))
}

/// Less than that may be the beginning of any digest: nothing can be said of it.
fn long_enough(id: &WorkflowId, seen: &EvidenceDigest) -> Result<(), Stop> {
    if seen.as_str().len() >= ENOUGH {
        return Ok(());
    }
    let show = shell::command(["gatewatch", "show", id.as_str()]);
    Err(Stop::usage(
        format!(
            "--evidence {} is too short: at least {ENOUGH} characters of the digest are needed.",
            text::line(seen.as_str())
        ),
        format!("`{show}` prints the whole of it."),
    ))
}

fn fresh() -> DecisionId {
    DecisionId::new(uuid::Uuid::new_v4().to_string())
}

fn find<'a>(detail: &'a WorkflowDetail, arguments: &Gate) -> Result<&'a OpenGate, Stop> {
    let published = detail.row.published.as_deref();
    let open = published.map_or(&[][..], |published| &published.gates);
    let wanted = arguments.gate.as_deref();
    match (wanted, open) {
        (None, [only]) => Ok(only),
        (None, [_, _, ..]) => {
            let ways = open.iter().map(|gate| shell::command(["--gate", gate.id.as_str()]));
            Err(Stop::usage("Several gates are open.", format!("Name one: {}.", ways.collect::<Vec<_>>().join(", "))))
        }
        (Some(name), _) if open.iter().any(|gate| gate.id.as_str() == name) => {
            Ok(open.iter().find(|gate| gate.id.as_str() == name).unwrap_or(&open[0]))
        }
        (None | Some(_), _) => Err(closed(detail, wanted)),
    }
}

/// Why there is nothing to decide: who was first, if anybody was.
fn closed(detail: &WorkflowDetail, wanted: Option<&str>) -> Stop {
    let id = &detail.row.id;
    let decided = detail.row.published.as_ref().and_then(|published| published.decided.as_ref());
    if let Some(record) = decided.filter(|record| wanted.is_none_or(|gate| record.gate.as_str() == gate)) {
        let message = format!("Already decided: {}, at {}.", changes::decision(record), words::date(record.at));
        return Stop::Told(Exit::Refused, Failure::new(FailureKind::Conflict, message, ""));
    }
    let what = wanted.map_or_else(|| "no open gate".to_owned(), |gate| format!("no open gate `{gate}`"));
    let message = format!("{id} has {what}; it is {}.", detail.row.status.as_str());
    Failure::new(FailureKind::NotFound, message, "`gatewatch gates` lists what waits.").into()
}

async fn ask(session: &Session, detail: &WorkflowDetail, gate: &OpenGate, intent: &Intent<'_>) -> Result<(), Stop> {
    // The full evidence is an extra: the memo's summary is enough to decide on.
    let evidence = session.gateway.evidence(&detail.row.id).await.ok().flatten();
    let evidence = evidence.filter(|shown| Some(&shown.digest) == gate.digest());
    for line in card::lines(session, detail, gate, evidence.as_ref()) {
        session.out.say(&line)?;
    }
    let instead = instead(detail, gate, intent);
    let production = detail.row.environment.as_ref().filter(|environment| environment.is_production());
    let question = format!("{} {} of {}?", verb(intent.verdict), gate.id, detail.row.id);
    let typed = intent.verdict == Verdict::Approve && session.settings.console.typed_production;
    let ask = match production.filter(|_| typed) {
        Some(environment) => Ask::Word(environment.to_string()),
        None => Ask::Yes,
    };
    confirm::confirm(&question, &ask, &instead)
}

fn verb(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "Approve",
        Verdict::Reject => "Reject",
        Verdict::RequestEvidence => "Collect the evidence again for",
    }
}

/// The same without a terminal.
fn instead(detail: &WorkflowDetail, gate: &OpenGate, intent: &Intent<'_>) -> String {
    let (id, gate_id) = (&detail.row.id, &gate.id);
    match (intent.verdict, gate.digest()) {
        (Verdict::Approve, Some(digest)) => {
            let words = [
                "gatewatch",
                "approve",
                id.as_str(),
                "--gate",
                gate_id.as_str(),
                "--evidence",
                digest.as_str(),
                "--yes",
            ];
            format!("Without a terminal: {}", shell::command(words))
        }
        (Verdict::Approve | Verdict::Reject | Verdict::RequestEvidence, _) => {
            "Without a terminal, add --yes.".to_owned()
        }
    }
}

async fn send(session: &Session, request: DecisionRequest, wait: Duration) -> Result<Exit, Stop> {
    let decision = request.decision_id.clone();
    let mutation = Mutation::Decide(request);
    let still = format!("Not waiting any more. Decision {decision} was sent and may still be applied.");
    let work = async {
        let done = session.operator.perform(mutation.clone()).await?;
        if !done.is_in_doubt() || wait.is_zero() {
            return Ok(done);
        }
        session.out.say("No worker has confirmed it yet; waiting.")?;
        Ok(session.operator.follow(&mutation, wait).await?)
    };
    let outcome = match follow::interruptible(work, &still).await? {
        Done::Decided { result } => result,
        other @ (Done::RolledBack { .. }
        | Done::Signalled { .. }
        | Done::Told { .. }
        | Done::Started { .. }
        | Done::Stopping { .. }
        | Done::Registered { .. }
        | Done::Unanswered) => {
            let message = format!("A decision was answered with {other:?}.");
            return Err(Failure::new(FailureKind::Internal, message, "This is a bug.").into());
        }
    };
    tell(session, outcome)
}

fn tell(session: &Session, outcome: Outcome) -> Result<Exit, Stop> {
    let exit = match &outcome {
        Outcome::Applied { .. } | Outcome::Repeated { .. } => Exit::Ok,
        Outcome::Refused { .. } => Exit::Refused,
        Outcome::InDoubt { .. } => Exit::InDoubt,
    };
    if session.out.is_json() {
        session.out.json(&DecisionResponse { outcome })?;
        return Ok(exit);
    }
    match outcome {
        Outcome::Applied { record } => {
            let text = format!("{}, at {}", changes::decision(&record), words::date(record.at));
            session.out.line(&session.out.paint(Tone::Good, &text))?;
        }
        Outcome::Repeated { record } => {
            session.out.line(&format!(
                "{}, at {} (before; nothing happened twice)",
                changes::decision(&record),
                words::date(record.at)
            ))?;
        }
        Outcome::Refused { refusal } => {
            let message = format!("Refused: {} ({})", refusal.message, refusal.code.as_str());
            return Err(Stop::Told(exit, Failure::new(FailureKind::Conflict, message, "")));
        }
        Outcome::InDoubt { decision_id } => {
            let message = format!("In doubt: no worker has confirmed decision {decision_id}. It may still be applied.");
            let again = shell::command(["--decision-id", decision_id.as_str()]);
            let hint = format!("Run the same with {again} to ask again: it has one effect.");
            return Err(Stop::Told(exit, Failure::new(FailureKind::Conflict, message, hint)));
        }
    }
    Ok(exit)
}
