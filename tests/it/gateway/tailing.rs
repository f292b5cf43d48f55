//! Following a history: over continue-as-new, and over the death and return of the server.

use futures_util::{FutureExt as _, StreamExt as _};
use gatewatch::contracts::failure::{Failure, FailureKind};
use gatewatch::contracts::workflow::HistoryBatch;

use crate::gateway::desk::{DeskInput, DeskWorker};
use crate::gateway::{bounded, connected, signal, start, until};
use crate::support::{self, OwnServer};

type Item = Result<HistoryBatch, Failure>;

fn ids(batch: &HistoryBatch) -> Vec<i64> {
    batch.events.iter().map(|event| event.id).collect()
}

#[tokio::test]
async fn a_tail_follows_every_run_to_the_end() {
    bounded(async {
        let temporal = support::temporal();
        let _worker = DeskWorker::start(&temporal);
        let gateway = connected(&temporal).await;
        let id = start(&gateway, &temporal, &DeskInput { more_runs: 1, ..DeskInput::default() }).await;
        let mut tail = gateway.tail(&id, None, 1);
        let (mut runs, mut last, mut signalled) = (Vec::new(), String::new(), false);
        while let Some(item) = tail.next().await {
            let batch = item.unwrap();
            if runs.last() != Some(&batch.run_id) {
                assert_eq!(ids(&batch)[0], if runs.is_empty() { 2 } else { 1 }, "it begins where it was told");
                runs.push(batch.run_id.clone());
            }
            last.clone_from(&batch.events.last().unwrap().event_type);
            if !signalled {
                signalled = true;
                gateway.signal(&signal(&id, "again")).await.unwrap();
            } else if runs.len() == 2 {
                // The second run continues no more: it completes.
                let _ = gateway.signal(&signal(&id, "again")).await;
            }
        }
        assert_eq!((runs.len(), &*last), (2, "WorkflowExecutionCompleted"));
    })
    .await;
}

#[tokio::test]
async fn a_tail_ends_where_all_of_a_long_run_that_is_over_is_known() {
    bounded(async {
        let temporal = support::temporal();
        let _worker = DeskWorker::start(&temporal);
        let gateway = connected(&temporal).await;
        let id = start(&gateway, &temporal, &DeskInput::default()).await;
        gateway.signal(&signal(&id, "close")).await.unwrap();
        until(&gateway, &id, |detail| !detail.row.status.is_open()).await;
        // A history that long is read from its end; this one is not, but the caller says so.
        for known in [5_000, 100] {
            assert!(gateway.tail(&id, None, known).next().await.is_none(), "nothing follows {known}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_tail_tells_an_outage_once_and_goes_on_without_a_gap() {
    bounded(async {
        let mut server = OwnServer::start().await;
        let temporal = server.temporal();
        let gateway = connected(&temporal).await;
        // No worker: only what the test does happens.
        let id = start(&gateway, &temporal, &DeskInput::default()).await;
        let mut tail = gateway.tail(&id, None, 0);
        let Some(Item::Ok(first)) = tail.next().await else { panic!("no first batch") };
        assert_eq!(ids(&first), [1, 2]);

        server.kill();
        let Some(Item::Err(failure)) = tail.next().await else { panic!("the outage was not told") };
        assert_eq!(failure.kind, FailureKind::Unavailable, "{failure}");
        let mut next = tail.next().boxed();
        assert!((&mut next).now_or_never().is_none(), "an outage is told once");

        server.resume().await;
        let sent = support::wait_until("the signal is sent", support::PATIENCE, async || {
            gateway.signal(&signal(&id, "hello")).await.ok()
        });
        let (item, ()) = tokio::join!(next, sent);
        let Some(Item::Ok(batch)) = item else { panic!("the tail did not go on") };
        assert_eq!(ids(&batch), [3]);
        assert_eq!(batch.events[0].subject, "hello");
    })
    .await;
}

#[tokio::test]
async fn a_tail_of_nothing_ends_with_the_reason() {
    bounded(async {
        let gateway = connected(&support::temporal()).await;
        let mut tail = gateway.tail(&support::unique("none").into(), None, 0);
        let Some(Item::Err(failure)) = tail.next().await else { panic!("no reason") };
        assert_eq!(failure.kind, FailureKind::NotFound);
        assert!(tail.next().await.is_none());
    })
    .await;
}
