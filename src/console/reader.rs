//! Reading a long text: payloads, failures, stack traces. It folds what is nested, finds what is typed, and never looks
//! at more of the text than it has to.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::console::action::Action;
use crate::console::cursor::{Cursor, Move};
use crate::console::effect::{Effect, Note};
use crate::console::field::{Lines, TextField};
use crate::console::screen::Focus;

/// A text being read.
#[derive(Clone, Debug)]
pub struct Reader {
    pub title: String,
    text: String,
    /// Where each line is in the text.
    lines: Vec<Range<usize>>,
    /// Where the block that begins on a line ends: the line after its last inner one.
    ends: Vec<usize>,
    /// Lines whose inner part is folded away.
    folded: BTreeSet<usize>,
    /// Lines that are not folded away, in order.
    shown: Vec<usize>,
    pub cursor: Cursor,
    pub find: Option<TextField>,
    pub focus: Focus,
}

/// A line on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown<'a> {
    /// Its number in the whole text, from 0.
    pub number: usize,
    pub text: &'a str,
    pub fold: Fold,
}

/// What of a line can be folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    Nothing,
    Open,
    /// So many lines are not shown.
    Folded(usize),
}

impl Reader {
    pub fn new(title: impl Into<String>, text: String) -> Self {
        let mut lines = Vec::new();
        let mut start = 0;
        for line in text.split('\n') {
            lines.push(start..start + line.len());
            start += line.len() + 1;
        }
        let shown = (0..lines.len()).collect();
        let ends = ends(&text, &lines);
        Self {
            title: title.into(),
            text,
            lines,
            ends,
            folded: BTreeSet::new(),
            shown,
            cursor: Cursor::default(),
            find: None,
            focus: Focus::Keys,
        }
    }

    /// How many lines are on screen at most.
    pub fn total(&self) -> usize {
        self.shown.len()
    }

    /// How many lines the text has.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The line at a place on screen.
    pub fn line(&self, place: usize) -> Option<Shown<'_>> {
        let number = *self.shown.get(place)?;
        let inner = self.inner(number);
        let fold = match (inner.is_empty(), self.folded.contains(&number)) {
            (true, _) => Fold::Nothing,
            (false, false) => Fold::Open,
            (false, true) => Fold::Folded(inner.len()),
        };
        Some(Shown { number, text: self.at(number), fold })
    }

    fn at(&self, number: usize) -> &str {
        self.lines.get(number).and_then(|range| self.text.get(range.clone())).unwrap_or_default()
    }

    /// What is being looked for, in lower case.
    pub fn wanted(&self) -> Option<String> {
        let wanted = self.find.as_ref()?.text().to_lowercase();
        (!wanted.is_empty()).then_some(wanted)
    }

    pub fn step(&mut self, movement: Move, height: usize) {
        self.cursor.step(movement, self.shown.len(), height);
    }

    /// Folds or unfolds at the cursor: the block that begins there, or else the one the line is in.
    pub fn fold(&mut self, height: usize) {
        let Some(number) = self.shown.get(self.cursor.index).copied() else { return };
        let head = if self.inner(number).is_empty() { self.enclosing(number) } else { Some(number) };
        let Some(head) = head else { return };
        if !self.folded.remove(&head) {
            self.folded.insert(head);
        }
        self.show_again(head, height);
    }

    /// Whether anything can be folded at the cursor.
    pub fn can_fold(&self) -> bool {
        let number = self.shown.get(self.cursor.index).copied();
        number.is_some_and(|number| !self.inner(number).is_empty() || self.enclosing(number).is_some())
    }

    /// Goes to the next line that holds what is looked for, from the cursor on and round. Says whether there is one.
    pub fn next_match(&mut self, height: usize) -> bool {
        let Some(wanted) = self.wanted() else { return false };
        let here = self.shown.get(self.cursor.index).copied().unwrap_or(0);
        let after = (here + 1..self.lines.len()).chain(0..=here);
        let Some(found) = after.into_iter().find(|number| self.at(*number).to_lowercase().contains(&wanted)) else {
            return false;
        };
        // What was found is shown, whatever it is folded into.
        let around: Vec<usize> =
            self.folded.iter().copied().filter(|head| self.inner(*head).contains(&found)).collect();
        for head in around {
            self.folded.remove(&head);
        }
        self.show_again(found, height);
        true
    }

    fn show_again(&mut self, on: usize, height: usize) {
        let mut shown = Vec::with_capacity(self.lines.len());
        let mut number = 0;
        while number < self.lines.len() {
            shown.push(number);
            number = if self.folded.contains(&number) { self.inner(number).end.max(number + 1) } else { number + 1 };
        }
        self.shown = shown;
        let place = self.shown.partition_point(|number| *number < on);
        self.cursor.put(place, self.shown.len(), height);
    }

    /// The lines inside the block that begins on a line, up to the one that closes it; none where no block begins.
    fn inner(&self, number: usize) -> Range<usize> {
        number + 1..self.ends.get(number).copied().unwrap_or(0).max(number + 1)
    }

    /// The line that opens the block a line is in.
    fn enclosing(&self, number: usize) -> Option<usize> {
        let depth = indent(self.at(number));
        // The closing line belongs to the block it closes.
        let closes = self.at(number).trim_start().starts_with(['}', ']']);
        let outer = |head: &usize| {
            let line = self.at(*head);
            let fits = indent(line) < depth || (closes && indent(line) == depth);
            fits && !line.is_empty() && self.inner(*head).end >= number
        };
        (0..number).rev().find(outer)
    }

    /// Does what an action means to a text that fills the screen.
    fn act(&mut self, action: Action, height: usize) -> Read {
        if let Some(movement) = Move::of(action) {
            self.step(movement, height);
            return Read::Still(Vec::new());
        }
        let typing = self.focus == Focus::Text;
        if typing && action == Action::Back {
            self.find = None;
            self.focus = Focus::Keys;
        } else if typing && matches!(action, Action::NewLine | Action::Submit) {
            self.focus = Focus::Keys;
            return Read::Still(self.seek(height));
        } else if action == Action::Back {
            return Read::Done;
        } else if action == Action::Open {
            return Read::Still(self.seek(height));
        } else if action == Action::Fold {
            self.fold(height);
        } else if action == Action::Find {
            self.find.get_or_insert_with(|| TextField::new(Lines::One, ""));
            self.focus = Focus::Text;
        } else if action == Action::Copy {
            let line = self.line(self.cursor.index).map(|shown| shown.text.trim().to_owned());
            return Read::Still(line.map(Effect::Copy).into_iter().collect());
        }
        Read::Still(Vec::new())
    }

    /// Whether an action means anything here, or why not.
    pub fn can(&self, action: Action) -> Result<(), String> {
        let no = |why: &str| Err(why.to_owned());
        if action == Action::Fold && !self.can_fold() {
            return no("Nothing to fold on this line.");
        }
        if action == Action::Open && self.wanted().is_none() {
            return no("Find something first: then this goes to the next place that has it.");
        }
        let known = [Action::Back, Action::Open, Action::Fold, Action::Find, Action::Copy];
        if known.contains(&action) || Move::of(action).is_some() {
            return Ok(());
        }
        Err(format!("`{}` does nothing in a text: go back first.", action.spec().title))
    }

    fn seek(&mut self, height: usize) -> Vec<Effect> {
        match self.wanted() {
            Some(wanted) if !self.next_match(height) => {
                vec![Effect::Say(Note::info(format!("`{wanted}` is not in here.")))]
            }
            Some(_) | None => Vec::new(),
        }
    }
}

/// Whether the text is still being read.
#[derive(Clone, Debug, PartialEq)]
enum Read {
    Still(Vec<Effect>),
    Done,
}

/// What an action means to the text that is open, and closes it when that was the meaning; none when none is open.
pub fn act(open: &mut Option<Reader>, action: Action, height: usize) -> Option<Vec<Effect>> {
    match open.as_mut()?.act(action, height) {
        Read::Still(effects) => Some(effects),
        Read::Done => {
            *open = None;
            Some(Vec::new())
        }
    }
}

/// Of every line, where the block that begins on it ends: at the next line that is indented no deeper.
fn ends(text: &str, lines: &[Range<usize>]) -> Vec<usize> {
    let mut ends: Vec<usize> = (1..=lines.len()).collect();
    let mut open: Vec<(usize, usize)> = Vec::new();
    for (number, range) in lines.iter().enumerate() {
        let line = text.get(range.clone()).unwrap_or_default();
        if line.is_empty() {
            continue;
        }
        let depth = indent(line);
        while let Some((head, _)) = open.pop_if(|(_, outer)| *outer >= depth) {
            if let Some(end) = ends.get_mut(head) {
                *end = number;
            }
        }
        if line.trim_end().ends_with(['{', '[']) {
            open.push((number, depth));
        }
    }
    for (head, _) in open {
        if let Some(end) = ends.get_mut(head) {
            *end = lines.len();
        }
    }
    ends
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}
