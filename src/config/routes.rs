//! `[[coordinator.routes]]`: who else is told of an agent's answer.

use crate::config::problem::{Place, Problem};
use crate::config::raw;
use crate::config::validate::Check;

/// One route. What it is compiled to is the coordinator's.
#[derive(Clone, Debug)]
pub struct Route {
    /// Stands in receipts, and in what makes each telling happen once.
    pub name: String,
    /// A condition in CEL over `response`; every answer when there is none.
    pub when: Option<String>,
    /// Ids of the workflows to tell, with `${CEL}` in them.
    pub workflows: Vec<String>,
    pub telling: Telling,
    /// Where it stands in the file.
    pub place: Place,
}

/// How a workflow is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Telling {
    /// A signal of this name with the arguments of `agentCompleted`: the step's id and the answer.
    Signal(String),
    /// `custom`, with this type of event and the answer.
    Event(String),
}

impl Check<'_> {
    pub(super) fn routes(&self, raw: &[raw::Route]) -> Result<Vec<Route>, Problem> {
        let routes = raw.iter().enumerate().map(|(at, raw)| self.route_to(at, raw));
        let routes: Vec<_> = routes.collect::<Result<_, _>>()?;
        self.named_once("coordinator.routes", "routes", routes.iter().map(|route| route.name.as_str()))?;
        Ok(routes)
    }

    fn route_to(&self, at: usize, raw: &raw::Route) -> Result<Route, Problem> {
        let key = |name: &str| format!("coordinator.routes[{at}].{name}");
        let name = self.required(&key("name"), raw.name.as_deref())?;
        if name.len() > 60 || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            let fix = "Use up to 60 letters, digits, `-`, `_` and `.`.";
            return Err(self.wrong(&key("name"), format!("`{name}` is no name."), fix));
        }
        if raw.workflows.iter().all(|id| id.trim().is_empty()) {
            let fix = "Give ids, such as [\"qa-${response.goalId}\"].";
            return Err(self.wrong(&key("workflows"), "It leads to no workflow.", fix));
        }
        let telling = match (&raw.signal, &raw.event) {
            (Some(signal), None) if !signal.trim().is_empty() => Telling::Signal(signal.clone()),
            (None, Some(event)) if !event.trim().is_empty() => Telling::Event(event.clone()),
            _ => {
                let why = "It does not say how workflows are told.";
                return Err(self.wrong(&key("signal"), why, "Give either `signal` or `event`."));
            }
        };
        Ok(Route {
            name,
            when: raw.when.clone(),
            workflows: raw.workflows.clone(),
            telling,
            place: self.place(&key("name")),
        })
    }
}
