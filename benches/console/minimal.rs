//! The control: the least a ratatui program can be. What it costs, everybody pays.

use ratatui::crossterm::event::{self, Event, KeyCode};
use ratatui::widgets::{List, ListState};

/// Shows a list, moves a cursor, leaves on `q`.
pub(crate) fn run() -> anyhow::Result<()> {
    let rows: Vec<String> = (0..50).map(|n| format!("minimal-{n:03}")).collect();
    let list = List::new(rows.iter().map(String::as_str)).highlight_symbol(">");
    let mut state = ListState::default().with_selected(Some(0));
    ratatui::run(|terminal| {
        loop {
            terminal.draw(|frame| frame.render_stateful_widget(&list, frame.area(), &mut state))?;
            if let Event::Key(key) = event::read()? {
                if key.code == KeyCode::Char('j') {
                    state.select_next();
                } else if key.code == KeyCode::Char('k') {
                    state.select_previous();
                } else if key.code == KeyCode::Char('q') {
                    return Ok(());
                }
            }
        }
    })
}
