//! The bounded set of request ids a workflow has acted on: signals are at-least-once.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Remembers the newest [`SeenIds::KEPT`] ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeenIds(VecDeque<String>);

impl SeenIds {
    /// Far more than a person sends; small enough to carry over continue-as-new.
    pub const KEPT: usize = 256;

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `id` was acted on.
    pub fn contains(&self, id: &str) -> bool {
        self.0.iter().any(|seen| seen == id)
    }

    /// Whether `id` is new, and remembers it. A request without an id is always new.
    pub fn first(&mut self, id: &str) -> bool {
        if id.is_empty() {
            return true;
        }
        if self.contains(id) {
            return false;
        }
        if self.0.len() == Self::KEPT {
            self.0.pop_front();
        }
        self.0.push_back(id.to_owned());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::SeenIds;

    #[test]
    fn an_id_is_new_once_and_no_id_always() {
        let mut seen = SeenIds::default();
        assert!(seen.first("a"));
        assert!(!seen.first("a"));
        assert!(seen.first(""));
        assert!(seen.first(""));
    }

    #[test]
    fn it_keeps_the_newest() {
        let mut seen = SeenIds::default();
        for n in 0..=SeenIds::KEPT {
            assert!(seen.first(&n.to_string()));
        }
        assert!(!seen.first(&SeenIds::KEPT.to_string()), "the newest is remembered");
        assert!(!seen.first("1"), "so is the oldest that fits");
        assert!(seen.first("0"), "the one before it is forgotten");
    }
}
