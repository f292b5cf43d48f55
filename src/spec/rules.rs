//! A document, compiled: the spec that most goals follow.

use std::sync::Arc;

use cel::Env;
use serde_json::Value;

use crate::config::problem::Problem;
use crate::contracts::agent::AgentStatus;
use crate::contracts::engine::decision::Action;
use crate::contracts::engine::spec::SpecPin;
use crate::contracts::engine::state::EngineState;
use crate::contracts::ids::WorkKind;
use crate::spec::document::{Guardrails, Source, Then};
use crate::spec::duplicates::duplicates;
use crate::spec::expression::Expression;
use crate::spec::facts::{Fact, On, Scope};
use crate::spec::template::Template;
use crate::spec::{EngineSpec, Verdict, Withdrawal};

/// Compiled rules.
pub struct Rules {
    pin: SpecPin,
    guardrails: Guardrails,
    env: Arc<Env>,
    all: Vec<Rule>,
    finalize: Option<Expression>,
}

struct Rule {
    name: String,
    on: On,
    kind: Option<WorkKind>,
    status: Option<AgentStatus>,
    event: Option<String>,
    when: Option<Expression>,
    then: Vec<Deed>,
}

struct Deed {
    when: Option<Expression>,
    what: What,
}

enum What {
    Request { kind: Template, payload: Template },
    Approval { title: Template, payload: Template },
    Annotate { key: String, value: Template },
}

impl Rules {
    /// Compiles a document. The first thing that is wrong is said with its line.
    pub fn compile(source: &Source) -> Result<Self, Problem> {
        let document = &source.document;
        if document.name.is_empty() {
            return Err(source.problem("name", "The spec has no name.", "Give it one, such as `codegen`."));
        }
        check_budget(source)?;
        let mut rules = Vec::with_capacity(document.rules.len());
        for (position, rule) in document.rules.iter().enumerate() {
            let at = format!("rules[{position}]");
            if rule.event.is_some() && !matches!(rule.on, On::Event | On::ChildCompleted) {
                let why = "`event` goes with `on = \"event\"` or `on = \"child-completed\"`.";
                return Err(source.problem(&format!("{at}.event"), why, "Take it out, or correct `on`."));
            }
            if rule.then.is_empty() {
                return Err(source.problem(&format!("{at}.then"), "The rule does nothing.", "Give it an action."));
            }
            let mut then = Vec::with_capacity(rule.then.len());
            for (position, deed) in rule.then.iter().enumerate() {
                then.push(compile_deed(source, deed, &format!("{at}.then[{position}]"))?);
            }
            rules.push(Rule {
                name: rule.name.clone(),
                on: rule.on,
                kind: rule.kind.clone(),
                status: rule.status,
                event: rule.event.clone(),
                when: compile(source, rule.when.as_deref(), &format!("{at}.when"))?,
                then,
            });
        }
        let finalize = compile(source, document.finalize.when.as_deref(), "finalize.when")?;
        Ok(Self {
            pin: SpecPin { name: document.name.clone(), version: document.version.clone(), hash: source.hash.clone() },
            guardrails: document.guardrails.clone(),
            env: Arc::new(Env::stdlib()),
            all: rules,
            finalize,
        })
    }

    /// Reads and compiles in one go; `name` is what errors call the document.
    pub fn read(name: &str, text: &str) -> Result<Self, Problem> {
        Self::compile(&Source::read(name, text)?)
    }
}

impl EngineSpec for Rules {
    fn pin(&self) -> &SpecPin {
        &self.pin
    }

    fn guardrails(&self) -> &Guardrails {
        &self.guardrails
    }

    fn decide(&self, state: &EngineState, fact: &Fact<'_>) -> Verdict {
        let mut verdict = Verdict::default();
        let scope = match Scope::new(&self.env, state, Some(fact)) {
            Ok(scope) => scope,
            Err(why) => {
                verdict.troubles.push(why);
                return verdict;
            }
        };
        let kind = fact.step().and_then(|id| state.open_steps.get(id)).map(|step| &step.kind);
        for rule in self.all.iter().filter(|rule| rule.fits(fact, kind)) {
            match rule.actions(&scope) {
                Ok(None) => {}
                Ok(Some(actions)) => {
                    verdict.actions.extend(actions);
                    verdict.applied.push(rule.name.clone());
                }
                Err(why) => verdict.troubles.push(format!("rule \"{}\": {why}", rule.name)),
            }
        }
        verdict
    }

    fn is_reached(&self, state: &EngineState) -> Result<bool, String> {
        match &self.finalize {
            Some(when) => when.holds(&Scope::new(&self.env, state, None)?),
            None => Ok(true),
        }
    }

    fn post_apply(&self, state: &EngineState) -> Vec<Withdrawal> {
        if self.guardrails.collapse_duplicates { duplicates(state) } else { Vec::new() }
    }
}

impl Rule {
    fn fits(&self, fact: &Fact<'_>, kind: Option<&WorkKind>) -> bool {
        self.on == fact.on()
            && self.kind.as_ref().is_none_or(|wanted| Some(wanted) == kind)
            && self.status.is_none_or(|wanted| Some(wanted) == fact.status())
            && self.event.as_deref().is_none_or(|wanted| Some(wanted) == fact.name())
    }

    /// What it wants, or nothing when its condition does not hold.
    fn actions(&self, scope: &Scope) -> Result<Option<Vec<Action>>, String> {
        if let Some(when) = &self.when
            && !when.holds(scope)?
        {
            return Ok(None);
        }
        let mut actions = Vec::new();
        for deed in &self.then {
            if deed.when.as_ref().map_or(Ok(true), |when| when.holds(scope))? {
                actions.push(deed.what.action(scope)?);
            }
        }
        Ok((!actions.is_empty()).then_some(actions))
    }
}

impl What {
    fn action(&self, scope: &Scope) -> Result<Action, String> {
        match self {
            Self::Request { kind, payload } => {
                let kind = kind.fill(scope)?;
                let kind = kind.as_str().filter(|kind| !kind.is_empty());
                let work_kind = kind.map(WorkKind::from).ok_or("what it requests has no kind")?;
                Ok(Action::RequestWork { work_kind, payload: payload.fill(scope)?, step_id: None })
            }
            Self::Approval { title, payload } => {
                let mut payload = payload.fill(scope)?.as_object().cloned().unwrap_or_default();
                payload.insert("title".to_owned(), title.fill(scope)?);
                Ok(Action::RequestApproval { payload: Value::Object(payload), step_id: None })
            }
            Self::Annotate { key, value } => Ok(Action::Annotate { key: key.clone(), value: value.fill(scope)? }),
        }
    }
}

fn check_budget(source: &Source) -> Result<(), Problem> {
    let Guardrails { budget_usd, budget_tokens, .. } = &source.document.guardrails;
    let fix = "Give an amount above 0, or leave it out: then there is no limit.";
    if budget_usd.is_some_and(|usd| !usd.is_finite() || usd <= 0.0) {
        return Err(source.problem("guardrails.budget-usd", "It is no amount of US dollars.", fix));
    }
    if *budget_tokens == Some(0) {
        return Err(source.problem("guardrails.budget-tokens", "No answer has so few tokens.", fix));
    }
    Ok(())
}

fn compile(source: &Source, text: Option<&str>, field: &str) -> Result<Option<Expression>, Problem> {
    let compiled = text.map(Expression::compile).transpose();
    compiled.map_err(|why| source.problem(field, format!("The condition {why}."), "Correct the expression."))
}

fn compile_deed(source: &Source, then: &Then, at: &str) -> Result<Deed, Problem> {
    let template = |value: &Value, field: &str| {
        Template::compile(value)
            .map_err(|why| source.problem(&format!("{at}.{field}"), format!("{why}."), "Correct the expression."))
    };
    let what = match (&then.request, &then.approval, &then.annotate) {
        (Some(kind), None, None) => What::Request {
            kind: template(&Value::String(kind.as_str().to_owned()), "request")?,
            payload: template(&then.payload, "payload")?,
        },
        (None, Some(title), None) => What::Approval {
            title: template(&Value::String(title.clone()), "approval")?,
            payload: template(&then.payload, "payload")?,
        },
        (None, None, Some(key)) => What::Annotate { key: key.clone(), value: template(&then.value, "value")? },
        _ => {
            let why = "An action is exactly one of `request`, `approval` and `annotate`.";
            return Err(source.problem(at, why, "Give each its own entry in `then`."));
        }
    };
    Ok(Deed { when: compile(source, then.when.as_deref(), &format!("{at}.when"))?, what })
}
