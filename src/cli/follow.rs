//! Looking at a workflow again and again until something is so, without giving up because a look failed.

use std::future::Future;
use std::time::Duration;

use crate::cli::changes::{self, Change};
use crate::cli::exit::{Exit, Stop};
use crate::cli::session::Session;
use crate::cli::words;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::WorkflowId;
use crate::contracts::workflow::WorkflowDetail;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(500);

/// Whether to look again.
#[derive(Debug)]
pub enum Next<T> {
    Again,
    Enough(T),
}

/// Looks until `enough` says so. `report` gets each look's changes.
pub async fn follow<T>(
    session: &Session,
    id: &WorkflowId,
    mut report: impl FnMut(&[Change]) -> Result<(), Stop>,
    mut enough: impl FnMut(&WorkflowDetail) -> Next<T>,
) -> Result<T, Stop> {
    let mut before: Option<WorkflowDetail> = None;
    let mut held_up = None;
    let mut silent = false;
    loop {
        match session.gateway.describe(id, None).await {
            Ok(detail) => {
                let now = words::now();
                if std::mem::take(&mut silent) {
                    report(&[Change::link("Temporal answers again".to_owned())])?;
                }
                report(&changes::between(before.as_ref(), &detail, now))?;
                let was_held_up = std::mem::replace(&mut held_up, detail.held_up(now));
                let change = changes::held_up(was_held_up, held_up, now);
                // What has ended waits for nobody, and nobody has it again.
                if let Some(change) = change.filter(|_| detail.row.status.is_open()) {
                    report(&[change])?;
                }
                if let Next::Enough(value) = enough(&detail) {
                    return Ok(value);
                }
                before = Some(detail);
            }
            Err(failure) if passing(&failure) => {
                if !std::mem::replace(&mut silent, true) {
                    report(&[Change::link(format!("{} Trying on.", failure.message))])?;
                }
            }
            Err(failure) => return Err(failure.into()),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = session.out.unread() => return Err(Stop::Unread),
        }
    }
}

/// A server that is away comes back; anything else does not get better by waiting.
pub fn passing(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Unavailable | FailureKind::DeadlineExceeded)
}

/// Until it is done or Ctrl-C; then `still` says what goes on without us.
pub async fn interruptible<T>(work: impl Future<Output = Result<T, Stop>>, still: &str) -> Result<T, Stop> {
    tokio::select! {
        done = work => done,
        pressed = tokio::signal::ctrl_c() => {
            pressed?;
            Err(Stop::Told(Exit::Interrupted, Failure::new(FailureKind::Conflict, still, "")))
        }
    }
}

/// A line of a followed workflow.
pub fn line(change: &Change) -> String {
    format!("{}  {:<9} {}", words::clock(change.at), change.what.as_str(), change.text)
}
