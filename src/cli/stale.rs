//! Evidence that changed after it was seen: what is different now.

use crate::cli::exit::{Exit, Stop};
use crate::cli::session::Session;
use crate::cli::words;
use crate::contracts::evidence::{self, EvidencePackage};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::gate::OpenGate;
use crate::contracts::ids::{EvidenceDigest, WorkflowId};
use crate::contracts::temporal::names::activity;
use crate::contracts::workflow::{HistoryEvent, PayloadText};

/// How far back earlier evidence is looked for.
const PAGES: usize = 20;

/// The refusal, with every difference between what was seen and what is there.
pub async fn refuse(session: &Session, id: &WorkflowId, gate: &OpenGate, seen: &EvidenceDigest) -> Stop {
    let packages = collected(session, id).await;
    let before = packages.iter().find(|package| package.digest() == *seen);
    let mut sentences = vec![format!("The evidence of {} is not the one that was seen.", gate.id)];
    match (before, packages.first()) {
        (Some(before), Some(now)) => sentences.extend(evidence::differences(before, now)),
        (None, _) => sentences.push(format!("{} was never collected for it.", seen.short())),
        (Some(_), None) => {}
    }
    let current = gate.evidence.as_ref().map_or_else(String::new, |evidence| {
        format!("It was collected at {}, score {}. ", words::date(evidence.collected_at), evidence.score)
    });
    let hint = match gate.digest() {
        Some(digest) => format!("{current}Look with `gatewatch show {id}`, then decide on --evidence {digest}."),
        None => "The gate shows no evidence now.".to_owned(),
    };
    Stop::Told(Exit::Refused, Failure::new(FailureKind::Conflict, sentences.join(" "), hint))
}

/// Every package in the history, newest first. What cannot be read is left out: the refusal stands without it.
async fn collected(session: &Session, id: &WorkflowId) -> Vec<EvidencePackage> {
    let mut found = Vec::new();
    let mut page = None;
    for _ in 0..PAGES {
        let Ok(answer) = session.gateway.history(id, None, page.take()).await else { break };
        found.extend(answer.events.iter().filter(|event| is_collection(event)).filter_map(package));
        page = answer.next;
        if page.is_none() {
            break;
        }
    }
    found
}

fn is_collection(event: &HistoryEvent) -> bool {
    event.event_type == "ActivityTaskCompleted" && event.subject == activity::COLLECT_ALL_EVIDENCE
}

fn package(event: &HistoryEvent) -> Option<EvidencePackage> {
    let PayloadText { text, .. } = event.payloads.first()?;
    serde_json::from_str(text).ok()
}
