//! What is on screen is asked for first: the overview, which every screen has in its frame, lets it go before.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Sender;
use tokio::time::timeout;

/// Nobody waits longer than this for somebody else's answer.
const PATIENCE: Duration = Duration::from_millis(250);

/// How many of those that watch something for the screen have not been answered yet.
#[derive(Clone, Debug, Default)]
pub struct Unanswered(Arc<Sender<usize>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct Pending(Unanswered);

impl Unanswered {
    pub fn one_more(&self) -> Pending {
        self.0.send_modify(|pending| *pending += 1);
        Pending(self.clone())
    }

    /// Returns when all are answered, or have had their time.
    pub async fn none(&self) {
        // The sender is here, so it can only be too late.
        let _ = timeout(PATIENCE, self.0.subscribe().wait_for(|pending| *pending == 0)).await;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.0.send_modify(|pending| *pending = pending.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::{PATIENCE, Unanswered};
    use futures_util::FutureExt as _;
    use tokio::time::Instant;

    #[tokio::test]
    async fn the_last_that_is_answered_or_given_up_lets_the_others_go() {
        let unanswered = Unanswered::default();
        assert!(unanswered.none().now_or_never().is_some(), "nobody is before it");
        let (first, second) = (unanswered.one_more(), unanswered.one_more());
        let waits = tokio::spawn({
            let unanswered = unanswered.clone();
            async move { unanswered.none().await }
        });
        drop(first);
        tokio::task::yield_now().await;
        assert!(!waits.is_finished(), "one is still before it");
        drop(second);
        waits.await.unwrap();
        let _never = unanswered.one_more();
        let began = Instant::now();
        unanswered.none().await;
        assert!(began.elapsed() >= PATIENCE, "a server that hangs holds nothing up for longer");
    }
}
