//! What this worker can run, for people, scripts and the console: a Rust worker does not answer Temporal's own
//! question about its handlers, so this is where a workflow's signals, queries and updates are read.

use serde::Serialize;

use crate::activities::registry as activities;
use crate::config::agents as settings;
use crate::contracts::temporal::names::{AttributeKind, attribute};
use crate::workflows::registry as workflows;

/// Everything registered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    pub workflows: &'static [workflows::Description],
    pub activities: &'static [activities::Description],
    pub search_attributes: Vec<SearchAttribute>,
    /// Agents of the settings, which the coordinator gives work to.
    pub agents: Vec<Agent>,
}

/// An agent of the settings.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    pub name: String,
    pub adapter: &'static str,
    pub kinds: Vec<String>,
    pub alternates: Vec<String>,
}

/// A search attribute that gatewatch writes or reads.
#[derive(Debug, Serialize)]
pub struct SearchAttribute {
    pub name: &'static str,
    /// As the `temporal` CLI spells it.
    pub kind: &'static str,
}

pub fn describe(agents: &[settings::Agent]) -> Description {
    let attribute = |(name, kind): (&'static str, AttributeKind)| SearchAttribute { name, kind: kind.as_str() };
    Description {
        workflows: workflows::DESCRIPTIONS,
        activities: activities::DESCRIPTIONS,
        search_attributes: attribute::ALL.into_iter().map(attribute).collect(),
        agents: agents.iter().map(agent).collect(),
    }
}

fn agent(agent: &settings::Agent) -> Agent {
    Agent {
        name: agent.name.clone(),
        adapter: agent.adapter_name(),
        kinds: agent.kinds.clone(),
        alternates: agent.alternates.clone(),
    }
}

impl Description {
    /// For people.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        for workflow in self.workflows {
            lines.push(format!("{}  {}", workflow.name, workflow.doc));
            for (kind, messages) in
                [("signal", workflow.signals), ("query", workflow.queries), ("update", workflow.updates)]
            {
                lines.extend(messages.iter().map(|one| row(&format!("{kind:<6} {}", one.name), one.doc)));
            }
        }
        lines.push("activities".to_owned());
        lines.extend(self.activities.iter().map(|activity| row(activity.name, activity.doc)));
        lines.push("search attributes".to_owned());
        lines.extend(self.search_attributes.iter().map(|one| row(one.name, one.kind)));
        if !self.agents.is_empty() {
            lines.push("agents".to_owned());
            let told = |agent: &Agent| row(&agent.name, &format!("{}: {}", agent.adapter, agent.kinds.join(", ")));
            lines.extend(self.agents.iter().map(told));
        }
        lines.join("\n")
    }
}

fn row(name: &str, text: &str) -> String {
    format!("  {name:<30} {text}")
}
