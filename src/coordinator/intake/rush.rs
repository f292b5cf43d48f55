//! How many senders wait for nothing but that their answer is kept: it says how much of the machine deliveries may take.

use std::sync::atomic::{AtomicUsize, Ordering};

/// More at once than senders of single answers ever are.
const MANY: usize = 32;

#[derive(Default)]
pub(super) struct Rush(AtomicUsize);

/// One of them, as long as it waits.
pub(super) struct Waiting<'a>(&'a Rush);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Rush {
    /// Those who wait for the workflow as well do not count: how many they are says how fast Temporal is.
    pub(super) fn one_waits(&self) -> Waiting<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    pub(super) fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= MANY
    }
}

#[cfg(test)]
mod tests {
    use super::{MANY, Rush};

    #[test]
    fn many_who_wait_at_once_are_a_rush_until_one_is_answered_or_gone() {
        let rush = Rush::default();
        let mut waiting: Vec<_> = (1..MANY).map(|_| rush.one_waits()).collect();
        assert!(!rush.is_on());
        waiting.push(rush.one_waits());
        assert!(rush.is_on());
        waiting.pop();
        assert!(!rush.is_on());
    }
}
