//! The bounded log of messages that were not obeyed: nobody who sends one is left without a trace of why.

use std::collections::VecDeque;

use crate::contracts::clock::Timestamp;
use crate::contracts::delivery::RefusedMessage;
use crate::workflows::blocks::text::clip;

/// The newest [`RefusedLog::KEPT`] refused messages.
#[derive(Clone, Debug, Default)]
pub struct RefusedLog(VecDeque<RefusedMessage>);

impl RefusedLog {
    pub const KEPT: usize = 32;
    /// A sender's garbage is quoted in the reason; this bounds it.
    const WHY: usize = 300;

    pub fn note(&mut self, at: Timestamp, name: &str, why: &str) {
        if self.0.len() == Self::KEPT {
            self.0.pop_front();
        }
        self.0.push_back(RefusedMessage { at, name: name.to_owned(), why: clip(why, Self::WHY) });
    }

    pub fn newest(&self) -> Option<&RefusedMessage> {
        self.0.back()
    }

    /// Oldest first.
    pub fn all(&self) -> Vec<RefusedMessage> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::RefusedLog;
    use crate::contracts::clock::Timestamp;

    #[test]
    fn the_log_is_bounded_and_keeps_the_newest() {
        let at = Timestamp::from_unix_millis(0).unwrap();
        let mut log = RefusedLog::default();
        for n in 0..100 {
            log.note(at, &n.to_string(), &"x".repeat(10_000));
        }
        assert_eq!(log.all().len(), RefusedLog::KEPT);
        assert_eq!(log.newest().unwrap().name, "99");
        assert!(log.all().iter().all(|message| message.why.chars().count() <= 300));
    }
}
