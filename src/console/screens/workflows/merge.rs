//! A new answer to a query meets the rows that are there: known rows change in place, new ones come in or wait.

use std::collections::{HashMap, HashSet};

use crate::console::ctx::Ctx;
use crate::console::screens::workflows::state::State;
use crate::contracts::clock::Millis;
use crate::contracts::ids::RunId;
use crate::contracts::workflow::{WorkflowPage, WorkflowRow};

/// How long a changed row shows it.
const FLASH: Millis = Millis(400);

/// The most rows that wait to be let in: a night of a busy cluster must fit into memory. Newer ones push older ones out.
const MOST_WAITING: usize = 10_000;

/// The first page, asked for again.
pub fn first_page(state: &mut State, page: &WorkflowPage, ctx: &Ctx<'_>) {
    let runs: Vec<RunId> = page.rows.iter().map(|row| row.run_id.clone()).collect();
    if !state.loaded.once {
        state.loaded.once = true;
        state.loaded.first_page = runs;
        start_over(state, page);
        state.arrange(ctx);
        return;
    }
    // Most answers bring nothing new, and with many rows loaded looking each of them up takes its time.
    if state.waiting.is_empty() && state.rows.get(..page.rows.len()) == Some(page.rows.as_slice()) {
        state.loaded.first_page = runs;
        return;
    }
    let (changed, new) = replace(state, page, ctx);
    let vanished = state.loaded.first_page.iter().filter(|run| !runs.contains(run)).count();
    let on_first_page = state.cursor.index < page.rows.len();
    state.loaded.first_page = runs;
    if (vanished > new.len() || !state.loaded.later_pages) && on_first_page && !state.is_reading() {
        // Some rows do not answer the query any more; which ones only a fresh start can say. Where nobody asked for
        // more than the first page, that page is the list: it never grows by itself.
        start_over(state, page);
        state.waiting.clear();
        look_at_the_newest(state);
        state.arrange(ctx);
        return;
    }
    if !new.is_empty() {
        state.waiting.splice(0..0, new);
        state.waiting.truncate(MOST_WAITING);
    }
    if !state.is_reading() {
        reveal(state, ctx);
    } else if changed {
        state.arrange(ctx);
    }
}

/// A later page.
pub fn later_page(state: &mut State, page: &WorkflowPage, ctx: &Ctx<'_>) {
    state.loaded.fetching = false;
    state.loaded.next.clone_from(&page.next);
    let known: HashSet<&RunId> = state.rows.iter().map(|row| &row.run_id).collect();
    let new: Vec<WorkflowRow> = page.rows.iter().filter(|row| !known.contains(&row.run_id)).cloned().collect();
    state.rows.extend(new);
    state.loaded.later_pages = true;
    state.arrange(ctx);
}

/// Lets the rows in that waited.
pub fn reveal(state: &mut State, ctx: &Ctx<'_>) {
    let waiting = std::mem::take(&mut state.waiting);
    let came = !waiting.is_empty();
    state.rows.splice(0..0, waiting);
    if came {
        look_at_the_newest(state);
    }
    state.arrange(ctx);
}

/// The list is this page and nothing else.
fn start_over(state: &mut State, page: &WorkflowPage) {
    state.rows.clone_from(&page.rows);
    state.loaded.next.clone_from(&page.next);
    state.loaded.later_pages = false;
}

/// At the top, the newest is what is looked at: the cursor stays there, whichever row comes in.
fn look_at_the_newest(state: &mut State) {
    if state.cursor.index == 0 {
        state.selected = None;
    }
}

/// Puts newer versions in the place of known rows. Says whether anything changed, and which rows are new.
fn replace(state: &mut State, page: &WorkflowPage, ctx: &Ctx<'_>) -> (bool, Vec<WorkflowRow>) {
    let wanted: HashMap<&RunId, &WorkflowRow> = page.rows.iter().map(|row| (&row.run_id, row)).collect();
    let mut found = HashSet::new();
    let mut changed = false;
    for old in state.rows.iter_mut().chain(&mut state.waiting) {
        let Some((run, newer)) = wanted.get_key_value(&old.run_id) else { continue };
        found.insert((*run).clone());
        if *old != **newer {
            if differs(old, newer) {
                state.flashed.insert((*run).clone(), ctx.now.plus(FLASH));
            }
            old.clone_from(newer);
            changed = true;
        }
    }
    let new = page.rows.iter().filter(|row| !found.contains(&row.run_id)).cloned().collect();
    (changed, new)
}

/// Whether a change is one that a person sees in the row.
fn differs(old: &WorkflowRow, newer: &WorkflowRow) -> bool {
    let seen = |row: &WorkflowRow| (row.status, row.phase.clone(), row.health, row.gates.clone());
    seen(old) != seen(newer)
}
