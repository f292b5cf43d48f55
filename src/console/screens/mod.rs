//! The screens. Each folder has the same four files:
//!
//! - `state.rs`: data, cursor, pure selectors; no ratatui, no theme. `State: Default` and
//!   - `fn interests(&self, ctx: &Ctx<'_>) -> Vec<Interest>`: what is to be kept fresh while it is shown,
//!   - `fn focus(&self) -> Focus`: whether keys type,
//!   - `fn beat(&self, ctx: &Ctx<'_>) -> Beat`: how often it changes by itself,
//!   - `fn confirms(&self, action: Action) -> bool` (deployment only): whether this action, now, sends something to the world,
//!   - `fn subject(&self, ctx: &Ctx<'_>) -> Option<WorkflowId>`: the workflow that is selected, for actions that need one.
//! - `update.rs`: `pub fn update(state: &mut State, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Effect>` and
//!   `pub fn can(state: &State, action: Action, ctx: &Ctx<'_>) -> Result<(), String>`: whether an action is possible here
//!   and now, or why not, as a sentence. The root asks `can` before it sends an action, for hints and for the palette.
//! - `view.rs`: `pub fn view(state: &State, ctx: &Ctx<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect)`. Drawing
//!   changes nothing: scroll offsets are kept by `update`, from `ctx.body`. `pub fn title(state, ctx) -> String` is what
//!   the border says.
//! - `row.rs`: one item as cells, where there is a list.
//!
//! Screens never import each other. The root dispatches by [`crate::console::screen::ScreenId`].

pub mod agents;
pub mod deployment;
pub mod gates;
pub mod history;
pub mod now;
pub mod steps;
pub mod workflow;
pub mod workflows;
