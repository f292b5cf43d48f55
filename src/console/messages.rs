//! What was said last, at the right end of the hint line: at most two at a time, errors until dismissed or until there is
//! news of what failed.

use crate::console::effect::{Level, Note};
use crate::contracts::clock::{Millis, Timestamp};

/// What was said and not yet gone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Messages {
    /// The newest last.
    kept: Vec<Message>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub note: Note,
    pub at: Timestamp,
}

/// How many are kept behind the ones that show: dismissing one shows the one before.
const KEPT: usize = 8;

impl Message {
    fn gone_at(&self) -> Option<Timestamp> {
        let stays = match self.note.level {
            Level::Info => Millis::from_secs(4),
            Level::Done | Level::Warning => Millis::from_secs(8),
            Level::Passing => Millis::from_secs(12),
            Level::Error => return None,
        };
        Some(self.at.plus(stays))
    }
}

impl Messages {
    pub fn say(&mut self, note: Note, now: Timestamp) {
        // The same again is the same message, seen again; hints do not pile up; and of one deed the newest outcome holds.
        self.kept.retain(|message| {
            let is_outdone = message.note.about.is_some() && message.note.about == note.about;
            let both_hints = message.note.level == Level::Info && note.level == Level::Info;
            message.note.text != note.text && !both_hints && !is_outdone
        });
        self.kept.push(Message { note, at: now });
        if self.kept.len() > KEPT {
            self.kept.remove(0);
        }
    }

    /// The wall clock was set back: nothing was said later than now.
    pub fn clock_set(&mut self, now: Timestamp) {
        for message in &mut self.kept {
            message.at = message.at.min(now);
        }
    }

    /// The two that show, the newest first; errors before everything else.
    pub fn shown(&self, now: Timestamp) -> impl Iterator<Item = &Message> {
        let fresh = move |message: &&Message| message.gone_at().is_none_or(|gone| now < gone);
        let mut shown: Vec<&Message> = self.kept.iter().rev().filter(fresh).collect();
        shown.sort_by_key(|message| message.note.level != Level::Error);
        shown.into_iter().take(2)
    }

    /// When the next one goes by itself.
    pub fn next_gone(&self, now: Timestamp) -> Option<Timestamp> {
        self.kept.iter().filter_map(Message::gone_at).filter(|gone| *gone > now).min()
    }

    /// Takes away the newest error; without one, everything.
    pub fn dismiss(&mut self) {
        if let Some(newest) = self.kept.iter().rposition(|message| message.note.level == Level::Error) {
            self.kept.remove(newest);
        } else {
            self.kept.clear();
        }
    }

    pub fn has_error(&self) -> bool {
        self.kept.iter().any(|message| message.note.level == Level::Error)
    }
}
