//! Evidence that changed after it was seen: what is different now.

use crate::cli::decide;
use crate::cli::exit::{Exit, Stop};
use crate::cli::session::Session;
use crate::cli::words;
use crate::contracts::evidence;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::gate::OpenGate;
use crate::contracts::ids::{EvidenceDigest, WorkflowId};
use crate::contracts::shell;

/// The refusal, with every difference between what was seen and what is there.
pub async fn refuse(session: &Session, id: &WorkflowId, gate: &OpenGate, seen: &EvidenceDigest) -> Stop {
    let collected = session.gateway.collected_evidence(id).await;
    let before = collected.packages.iter().find(|shown| decide::names(seen, &shown.digest));
    let now = collected.packages.iter().find(|shown| Some(&shown.digest) == gate.digest());
    let mut sentences = vec![format!("The evidence of {} is not the one that was seen.", gate.id)];
    match (before, now, &collected.incomplete) {
        (Some(before), Some(now), _) => sentences.extend(evidence::differences(&before.package, &now.package)),
        (None, _, None) => sentences.push(format!("{} was never collected for it.", seen.short())),
        (None, _, Some(failure)) | (Some(_), None, Some(failure)) => {
            sentences.push(format!("What is different cannot be told: {}", failure.message));
        }
        (Some(_), None, None) => {}
    }
    let current = gate.evidence.as_ref().map_or_else(String::new, |evidence| {
        format!("It was collected at {}, score {}. ", words::date(evidence.collected_at), evidence.score)
    });
    let hint = match gate.digest() {
        Some(digest) => {
            let show = shell::command(["gatewatch", "show", id.as_str()]);
            format!("{current}Look with `{show}`, then decide on --evidence {digest}.")
        }
        None => "The gate shows no evidence now.".to_owned(),
    };
    Stop::Told(Exit::Refused, Failure::new(FailureKind::Conflict, sentences.join(" "), hint))
}
