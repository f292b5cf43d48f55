//! The decision card as lines of text: what is failing before what passes, the digest that an approval will carry, what
//! happens next. No ratatui in here, so that `update` can count the lines it scrolls through.

use crate::console::action::Action;
use crate::console::ctx::Ctx;
use crate::console::gate_facts;
use crate::console::gates::GateView;
use crate::console::screen::Context;
use crate::console::screens::gates::state::{SIDE_BY_SIDE, State};
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::{text, time};
use crate::contracts::evidence::{Check, CheckStatus, EvidencePackage, EvidenceSummary};
use crate::contracts::gate::OpenGate;
use crate::contracts::rollback::RollbackReadiness;

/// One line: parts of text, each with its meaning.
pub type CardLine = Vec<(Role, String)>;

/// Columns of the card's text.
pub fn width(ctx: &Ctx<'_>) -> usize {
    let whole = ctx.body.width;
    let card = if whole >= SIDE_BY_SIDE { whole - list_width(whole) - 1 } else { whole };
    // A border and a blank on each side.
    usize::from(card.saturating_sub(4))
}

/// Columns of the list beside it.
pub fn list_width(whole: u16) -> u16 {
    whole / 2
}

/// The whole card.
pub fn lines(state: &State, ctx: &Ctx<'_>, columns: usize) -> Vec<CardLine> {
    let Some(view) = state.view(ctx) else { return Vec::new() };
    let mut card = Card { lines: Vec::new(), columns };
    if let Some(changed) = state.changed(ctx) {
        card.say(Role::StatusWarning, &format!("{} Changed while you were reading: {changed}.", Sign::Warning.glyph()));
    }
    match ctx.world.how_decided(&view) {
        Some(decided) if decided.in_doubt => {
            let words =
                "A decision from here is in doubt: it was sent, and nobody has confirmed it yet. It is followed.";
            card.say(Role::StatusWarning, &format!("{} {words}", Sign::Warning.glyph()));
        }
        Some(decided) => {
            let words = format!("{} {}; the list catches up in a moment.", Sign::Ok.glyph(), decided.said());
            card.say(Role::StatusOk, &words);
        }
        None => {}
    }
    let Some(gate) = view.gate else {
        card.say(Role::TextMuted, "The workflow names this gate and publishes nothing about it.");
        let open = ctx.key(Context::Gates, Action::Open);
        card.say(Role::TextMuted, &format!("Its history tells what it waits for: {open} opens the workflow."));
        return card.lines;
    };
    match &gate.evidence {
        Some(evidence) => card.evidence(&view, evidence, ctx),
        None if gate.is_step => {
            let about = gate.requested_by.as_str();
            let after = if about.is_empty() { String::new() } else { format!(" It was asked for after {about}.") };
            let steps = ctx.key(Context::Gates, Action::GoSteps);
            card.say(
                Role::Text,
                &format!("A goal waits for a person.{after} {steps} shows its steps and what was answered."),
            );
        }
        None => card.say(Role::TextMuted, "No evidence is attached to this gate."),
    }
    card.rollback(&view, ctx);
    card.asked(&view, gate, ctx);
    card.all_checks(&view, ctx);
    card.lines
}

struct Card {
    lines: Vec<CardLine>,
    columns: usize,
}

impl Card {
    fn say(&mut self, role: Role, words: &str) {
        self.lines.extend(text::wrap(words, self.columns).into_iter().map(|line| vec![(role, line)]));
    }

    /// A sign, then words that hang under themselves.
    fn sign(&mut self, sign: Sign, words: &str) {
        let role = sign.role();
        for (nth, line) in text::wrap(words, self.columns.saturating_sub(2)).into_iter().enumerate() {
            let lead = if nth == 0 { format!("{} ", sign.glyph()) } else { "  ".to_owned() };
            let body = if matches!(sign, Sign::Ok | Sign::NotYet) { Role::Text } else { role };
            self.lines.push(vec![(role, lead), (body, line)]);
        }
    }

    /// A label, then words that hang under themselves.
    fn fact(&mut self, label: &str, words: &str, role: Role) {
        const LABEL: usize = 10;
        for (nth, line) in text::wrap(words, self.columns.saturating_sub(LABEL)).into_iter().enumerate() {
            let label = if nth == 0 { text::fit(label, LABEL) } else { " ".repeat(LABEL) };
            self.lines.push(vec![(Role::TextMuted, label), (role, line)]);
        }
    }

    fn evidence(&mut self, view: &GateView<'_>, evidence: &EvidenceSummary, ctx: &Ctx<'_>) {
        self.fact("commit", &gate_facts::commit(evidence), Role::TextStrong);
        self.fact("version", &gate_facts::version(evidence), Role::Text);
        let score = if evidence.critical_failing > 0 { Role::StatusFailed } else { Role::Text };
        self.fact("score", &gate_facts::score(evidence), score);
        for check in &evidence.failing {
            self.sign(Sign::Failed, &gate_facts::failing(check));
        }
        let named = u32::try_from(evidence.failing.len()).unwrap_or(u32::MAX);
        if evidence.failed > named && package(view, ctx).is_none() {
            self.say(Role::StatusFailed, &format!("  and {} more", evidence.failed - named));
        }
        self.fact("evidence", &gate_facts::collected(evidence, ctx.now), Role::Text);
    }

    fn rollback(&mut self, view: &GateView<'_>, ctx: &Ctx<'_>) {
        let published = view.row.published.as_ref().and_then(|published| published.rollback.as_ref());
        let packaged = || package(view, ctx).map(|package| &package.rollback);
        let Some(readiness) = published.or_else(packaged) else { return };
        let role = if readiness.ready { Role::StatusOk } else { Role::StatusFailed };
        self.fact("rollback", &rollback_words(readiness, ctx), role);
    }

    fn asked(&mut self, view: &GateView<'_>, gate: &OpenGate, ctx: &Ctx<'_>) {
        self.fact("asked", &gate_facts::asked(gate, ctx.now), Role::Text);
        if let Some(words) = gate_facts::deadline(view, ctx.now) {
            let overdue = view.deadline().is_some_and(|deadline| deadline < ctx.now);
            self.fact("deadline", &words, if overdue { Role::StatusWarning } else { Role::Text });
        }
        self.fact("approve →", gate_facts::effect(gate), Role::TextStrong);
        if gate.needs_proof {
            self.fact("needs", "a decision that the coordinator has signed", Role::TextMuted);
        }
    }

    /// Every check, the failing ones first: there once the evidence has been read from the history.
    fn all_checks(&mut self, view: &GateView<'_>, ctx: &Ctx<'_>) {
        let Some(package) = package(view, ctx) else { return };
        self.lines.push(Vec::new());
        let mut checks: Vec<&Check> = package.checks.iter().collect();
        checks.sort_by_key(|check| match check.status {
            CheckStatus::Failed => u8::from(!check.critical),
            CheckStatus::Passed => 2,
            CheckStatus::NotApplicable => 3,
        });
        for check in checks {
            let sign = match check.status {
                CheckStatus::Failed => Sign::Failed,
                CheckStatus::Passed => Sign::Ok,
                CheckStatus::NotApplicable => Sign::NotYet,
            };
            let source = if check.source.is_empty() { String::new() } else { format!("  [{}]", check.source) };
            self.sign(sign, &format!("{}: {}{source}", check.title, check.detail));
        }
    }
}

/// The evidence behind the card: only while it is the very evidence the gate shows.
fn package<'a>(view: &GateView<'_>, ctx: &Ctx<'a>) -> Option<&'a EvidencePackage> {
    let shown = ctx.world.evidence.get(&view.row.id)?.value()?.as_ref()?;
    (Some(&shown.digest) == view.digest()).then_some(&shown.package)
}

fn rollback_words(readiness: &RollbackReadiness, ctx: &Ctx<'_>) -> String {
    if !readiness.ready {
        let why = readiness.why_not.as_deref().unwrap_or("the workflow does not say why");
        return format!("NOT READY: {why}");
    }
    let backup = readiness.backup_verified_at.map(|at| format!("backup verified {} ago, ", time::age(ctx.now, at)));
    let estimate = readiness.estimate_ms.map(|estimate| format!(", ~{}", time::coarse(estimate)));
    format!(
        "ready ({}previous {} {}{})",
        backup.unwrap_or_default(),
        readiness.previous_version,
        readiness.previous_commit.short(),
        estimate.unwrap_or_default()
    )
}
