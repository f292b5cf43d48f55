//! What this worker can run, for people, scripts and the console: a Rust worker does not answer Temporal's own
//! question about its handlers, so this is where a workflow's signals, queries and updates are read.

use serde::Serialize;

use crate::activities::registry as activities;
use crate::contracts::temporal::names::{AttributeKind, attribute};
use crate::workflows::registry as workflows;

/// Everything registered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    pub workflows: &'static [workflows::Description],
    pub activities: &'static [activities::Description],
    pub search_attributes: Vec<SearchAttribute>,
}

/// A search attribute that gatewatch writes or reads.
#[derive(Debug, Serialize)]
pub struct SearchAttribute {
    pub name: &'static str,
    /// As the `temporal` CLI spells it.
    pub kind: &'static str,
}

pub fn describe() -> Description {
    let attribute = |(name, kind): (&'static str, AttributeKind)| SearchAttribute { name, kind: kind.as_str() };
    Description {
        workflows: workflows::DESCRIPTIONS,
        activities: activities::DESCRIPTIONS,
        search_attributes: attribute::ALL.into_iter().map(attribute).collect(),
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
        lines.join("\n")
    }
}

fn row(name: &str, text: &str) -> String {
    format!("  {name:<30} {text}")
}
