//! What a key, the palette or a script can ask for, and the one table of it. Keymap loading, help, which-key, hints,
//! palette and the README's key table all read [`ACTIONS`]; nothing else lists actions.

use crate::console::screen::Context;

/// Everything that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Leave at once, whatever hangs.
    Quit,
    /// The keys of this screen.
    Help,
    /// Every action, by name.
    Palette,
    /// One step back: close what is on top, then the screen.
    Back,
    /// Give the terminal back to the shell until `fg`.
    Suspend,
    /// Ask the server again now.
    Refresh,
    /// Take the messages away.
    Dismiss,
    /// Copy what is selected.
    Copy,

    GoNow,
    GoGates,
    GoWorkflows,
    GoDeployment,
    GoHistory,
    GoSteps,
    GoAgents,
    NextTab,
    PreviousTab,

    CursorDown,
    CursorUp,
    CursorTop,
    CursorBottom,
    PageDown,
    PageUp,
    NextPane,
    PreviousPane,
    /// Open what is selected, or say yes.
    Open,

    /// Filter by typing.
    Find,
    /// Edit the server's visibility query.
    Query,
    /// The next saved query.
    NextView,
    SortNext,
    SortReverse,
    /// Let rows that waited in.
    Reveal,
    /// Stay at the newest.
    Follow,
    /// Show one kind of event only.
    FilterKind,
    /// Fold or unfold.
    Fold,

    Approve,
    Reject,
    RequestEvidence,
    RollBack,
    ExtendMonitoring,
    PauseMonitoring,
    ResumeMonitoring,

    Nudge,
    Requeue,
    OverrideDone,
    OverrideFailed,

    /// Send what is typed.
    Submit,
    NewLine,
    NextField,
    PreviousField,

    FaultErrors,
    FaultLatency,
    FaultHealth,
    FaultDatabase,
    FaultNone,
}

/// What an action can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Danger {
    /// It looks, moves or asks.
    Safe,
    /// It leads to a change of the world, after a question. Absent in read-only mode.
    Writes,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionSpec {
    pub action: Action,
    /// Its name in keymap files and in the palette.
    pub name: &'static str,
    /// Two words at most, for hints.
    pub title: &'static str,
    /// One sentence, for help.
    pub doc: &'static str,
    /// Where it means something. `Global` is everywhere but in text.
    pub contexts: &'static [Context],
    pub danger: Danger,
}

impl Action {
    pub fn spec(self) -> &'static ActionSpec {
        // Every action has its row: `tests/it/console/action.rs` holds the table to the enum.
        ACTIONS.iter().find(|spec| spec.action == self).unwrap_or(&ACTIONS[0])
    }

    pub fn parse(name: &str) -> Option<Self> {
        ACTIONS.iter().find(|spec| spec.name == name).map(|spec| spec.action)
    }

    pub fn writes(self) -> bool {
        self.spec().danger == Danger::Writes
    }
}

const GLOBAL: &[Context] = &[Context::Global];
const ANYWHERE: &[Context] = &[Context::Global, Context::Text];
const SCREENS: &[Context] = &[
    Context::Now,
    Context::Gates,
    Context::Workflows,
    Context::Workflow,
    Context::Steps,
    Context::Deployment,
    Context::History,
    Context::Agents,
];
const LISTS: &[Context] = &[
    Context::Now,
    Context::Gates,
    Context::Workflows,
    Context::Workflow,
    Context::Steps,
    Context::Deployment,
    Context::History,
    Context::Agents,
    Context::Help,
    Context::Palette,
];
const OPENS: &[Context] = &[
    Context::Now,
    Context::Gates,
    Context::Workflows,
    Context::Workflow,
    Context::Steps,
    Context::Deployment,
    Context::History,
    Context::Agents,
    Context::Palette,
    Context::Confirm,
];
const GATES: &[Context] = &[Context::Now, Context::Gates, Context::Workflow];
const DECIDES: &[Context] = &[Context::Now, Context::Gates, Context::Workflow, Context::Steps];
const STEPS: &[Context] = &[Context::Steps];
const DEPLOYMENT: &[Context] = &[Context::Deployment];
const TEXT: &[Context] = &[Context::Text];

const fn spec(
    action: Action,
    name: &'static str,
    title: &'static str,
    doc: &'static str,
    contexts: &'static [Context],
) -> ActionSpec {
    ActionSpec { action, name, title, doc, contexts, danger: Danger::Safe }
}

const fn writes(spec: ActionSpec) -> ActionSpec {
    ActionSpec { danger: Danger::Writes, ..spec }
}

/// The one table, in the order in which help shows it.
pub const ACTIONS: &[ActionSpec] = &[
    spec(Action::Quit, "quit", "quit", "Leave at once. Nothing is lost: everything durable is on the server.", GLOBAL),
    spec(Action::Help, "help", "help", "Show the keys of this screen.", GLOBAL),
    spec(Action::Palette, "palette", "palette", "Find any action by its name.", GLOBAL),
    spec(Action::Back, "back", "back", "Close what is on top, then go back one screen.", ANYWHERE),
    spec(Action::Refresh, "refresh", "refresh", "Ask the server again now, without waiting for the next turn.", GLOBAL),
    spec(Action::Dismiss, "dismiss", "dismiss", "Take the messages at the bottom away.", GLOBAL),
    spec(Action::Copy, "copy", "copy", "Copy the id of what is selected, or the command that is shown.", GLOBAL),
    spec(Action::Suspend, "suspend", "suspend", "Give the terminal back to the shell until `fg`.", GLOBAL),
    spec(Action::GoNow, "go.now", "now", "Go to what needs somebody now.", GLOBAL),
    spec(Action::GoGates, "go.gates", "gates", "Go to the open gates.", GLOBAL),
    spec(Action::GoWorkflows, "go.workflows", "workflows", "Go to the list of workflows.", GLOBAL),
    spec(
        Action::GoDeployment,
        "go.deployment",
        "deployment",
        "Go to the deployment that needs most attention.",
        GLOBAL,
    ),
    spec(Action::GoHistory, "go.history", "history", "Go to the history of the selected workflow.", GLOBAL),
    spec(
        Action::GoSteps,
        "go.steps",
        "steps",
        "Go to the steps of the selected goal.",
        &[Context::Global, Context::Gates, Context::Workflow],
    ),
    spec(Action::GoAgents, "go.agents", "agents", "Go to who does the work of goals.", GLOBAL),
    spec(Action::NextTab, "tab.next", "next tab", "Go to the tab on the right.", GLOBAL),
    spec(Action::PreviousTab, "tab.previous", "previous tab", "Go to the tab on the left.", GLOBAL),
    spec(Action::CursorDown, "cursor.down", "down", "Move down one line.", LISTS),
    spec(Action::CursorUp, "cursor.up", "up", "Move up one line.", LISTS),
    spec(Action::CursorTop, "cursor.top", "top", "Move to the first line.", LISTS),
    spec(Action::CursorBottom, "cursor.bottom", "bottom", "Move to the last line.", LISTS),
    spec(Action::PageDown, "page.down", "page down", "Move down one page.", LISTS),
    spec(Action::PageUp, "page.up", "page up", "Move up one page.", LISTS),
    spec(Action::NextPane, "pane.next", "next pane", "Move to the next part of the screen.", SCREENS),
    spec(Action::PreviousPane, "pane.previous", "previous pane", "Move to the part of the screen before.", SCREENS),
    spec(Action::Open, "open", "open", "Open what is selected; in a question, say yes.", OPENS),
    spec(
        Action::Find,
        "find",
        "find",
        "Show only what matches, as you type.",
        &[Context::Workflows, Context::Gates, Context::History, Context::Help],
    ),
    spec(Action::Query, "query", "query", "Edit the visibility query that the server answers.", &[Context::Workflows]),
    spec(
        Action::NextView,
        "view.next",
        "view",
        "Show the next saved query; after the last, everything.",
        &[Context::Workflows],
    ),
    spec(Action::SortNext, "sort.next", "sort", "Sort by the next column.", &[Context::Workflows]),
    spec(Action::SortReverse, "sort.reverse", "reverse", "Turn the order round.", &[Context::Workflows]),
    spec(
        Action::Reveal,
        "reveal",
        "show new",
        "Let the rows in that came while you were reading.",
        &[Context::Workflows],
    ),
    spec(
        Action::Follow,
        "follow",
        "follow",
        "Stay at the newest, or stop doing so.",
        &[Context::Workflows, Context::History],
    ),
    spec(Action::FilterKind, "filter.kind", "kind", "Show one kind of event only.", &[Context::History]),
    spec(Action::Fold, "fold", "fold", "Fold or unfold what is selected.", &[Context::History, Context::Workflow]),
    writes(spec(Action::Approve, "gate.approve", "approve", "Approve the gate, after its card is read.", DECIDES)),
    writes(spec(Action::Reject, "gate.reject", "reject", "Reject the gate for good, with a reason.", DECIDES)),
    writes(spec(
        Action::RequestEvidence,
        "gate.request-evidence",
        "more evidence",
        "Have the evidence collected again, with a reason.",
        GATES,
    )),
    writes(spec(
        Action::RollBack,
        "rollback",
        "roll back",
        "Show what rolling back will do; pressed again, do it.",
        GLOBAL,
    )),
    writes(spec(
        Action::ExtendMonitoring,
        "monitoring.extend",
        "extend",
        "Watch the deployment for longer.",
        DEPLOYMENT,
    )),
    writes(spec(
        Action::PauseMonitoring,
        "monitoring.pause",
        "pause",
        "Dangerous: hold automatic rollback back for a limited time.",
        DEPLOYMENT,
    )),
    writes(spec(
        Action::ResumeMonitoring,
        "monitoring.resume",
        "resume",
        "Let automatic rollback act again.",
        DEPLOYMENT,
    )),
    writes(spec(Action::Nudge, "step.nudge", "nudge", "Remind the agent of a step, and give it as long again.", STEPS)),
    writes(spec(
        Action::Requeue,
        "step.requeue",
        "requeue",
        "Take a step from its agent, or unblock it: it is offered again.",
        STEPS,
    )),
    writes(spec(
        Action::OverrideDone,
        "step.override-done",
        "say done",
        "Say that a step is done, whatever its agent says, with a reason.",
        STEPS,
    )),
    writes(spec(
        Action::OverrideFailed,
        "step.override-failed",
        "say failed",
        "Say that a step has failed, whatever its agent says, with a reason.",
        STEPS,
    )),
    spec(Action::Submit, "text.submit", "send", "Send what is typed.", TEXT),
    spec(Action::NewLine, "text.newline", "new line", "Begin a new line; in a field of one line, accept it.", TEXT),
    spec(Action::NextField, "text.next-field", "next field", "Move to the next field.", TEXT),
    spec(Action::PreviousField, "text.previous-field", "previous field", "Move to the field before.", TEXT),
    spec(
        Action::FaultErrors,
        "demo.fault.errors",
        "errors",
        "Demo: make the live checkout answer with errors.",
        GLOBAL,
    ),
    spec(Action::FaultLatency, "demo.fault.latency", "latency", "Demo: make the live checkout slow.", GLOBAL),
    spec(
        Action::FaultHealth,
        "demo.fault.health",
        "bad health",
        "Demo: make the live checkout report itself unwell.",
        GLOBAL,
    ),
    spec(
        Action::FaultDatabase,
        "demo.fault.database",
        "no database",
        "Demo: take the database of the live checkout away.",
        GLOBAL,
    ),
    spec(Action::FaultNone, "demo.fault.none", "no fault", "Demo: take the fault of the live checkout away.", GLOBAL),
];
