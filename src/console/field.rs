//! A text field: one line for filters and words to type, several for reasons. Editing keys are those of a shell's line
//! editor; what submits or leaves the field is the keymap's business, so it never gets here.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui_textarea::{CursorMove, Input, TextArea, WrapMode};

use crate::console::key::KeyPress;

/// A text field and what is typed in it.
#[derive(Clone, Debug)]
pub struct TextField {
    area: TextArea<'static>,
    lines: Lines,
}

/// How many lines a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    One,
    Many,
}

/// The longest text a field takes: reasons travel in signals and are read by people.
const MAX_CHARS: usize = 4000;

impl TextField {
    pub fn new(lines: Lines, text: &str) -> Self {
        let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
        // Without these the line of the cursor is underlined, which reads as a link.
        area.set_cursor_line_style(Style::default());
        area.set_wrap_mode(if lines == Lines::Many { WrapMode::WordOrGlyph } else { WrapMode::None });
        area.move_cursor(CursorMove::Bottom);
        area.move_cursor(CursorMove::End);
        Self { area, lines }
    }

    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Nothing but blanks counts as nothing.
    pub fn is_blank(&self) -> bool {
        self.area.lines().iter().all(|line| line.trim().is_empty())
    }

    pub fn lines(&self) -> Lines {
        self.lines
    }

    /// A key that the keymap does not bind in text.
    pub fn key(&mut self, key: KeyPress) {
        let full = self.text().chars().count() >= MAX_CHARS;
        if (full && key.typed().is_some()) || (self.lines == Lines::One && breaks_line(key)) {
            return;
        }
        if is_ctrl(key, 'u') {
            // The editor of the library would undo.
            self.area.delete_line_by_head();
            return;
        }
        self.area.input(Input::from(crossterm::event::KeyEvent::new(key.code, key.modifiers)));
    }

    /// Pasted text is text, whatever is in it: a newline in it never submits.
    pub fn paste(&mut self, text: &str) {
        let room = MAX_CHARS.saturating_sub(self.text().chars().count());
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let fits = |c: &char| !c.is_control() || *c == '\n' || *c == '\t';
        let kept: String = text
            .chars()
            .filter(fits)
            .map(|c| if self.lines == Lines::One && c.is_control() { ' ' } else { c })
            .take(room)
            .collect();
        self.area.insert_str(kept);
    }

    pub fn newline(&mut self) {
        if self.lines == Lines::Many {
            self.area.insert_newline();
        }
    }

    /// Draws the text and the cursor.
    pub fn view(&self, style: Style, frame: &mut Frame<'_>, area: Rect) {
        frame.render_widget(&self.area, area);
        frame.buffer_mut().set_style(area, style);
    }

    /// Draws as much of the text as there is room for, without a cursor: the keys are elsewhere.
    pub fn view_idle(&self, style: Style, frame: &mut Frame<'_>, area: Rect) {
        for (y, line) in (area.y..area.bottom()).zip(self.area.lines()) {
            frame.buffer_mut().set_stringn(area.x, y, line, usize::from(area.width), style);
        }
    }
}

/// Keys that edit a line or move in it, in every line editor: no list may take them from a field.
pub fn edits_line(key: KeyPress) -> bool {
    let chord = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    let in_line = [KeyCode::Home, KeyCode::End, KeyCode::Left, KeyCode::Right, KeyCode::Backspace, KeyCode::Delete];
    (matches!(key.code, KeyCode::Char(_)) && chord) || in_line.contains(&key.code)
}

/// Keys with which the editor would break the line.
fn breaks_line(key: KeyPress) -> bool {
    key.code == KeyCode::Enter || is_ctrl(key, 'm') || is_ctrl(key, 'j')
}

fn is_ctrl(key: KeyPress, letter: char) -> bool {
    key.code == KeyCode::Char(letter) && key.modifiers.contains(KeyModifiers::CONTROL)
}
