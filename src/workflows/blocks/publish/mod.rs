//! What a workflow tells the world without being asked: search attributes and the memo, readable with every
//! worker down. Sent only when it changed, and never larger than a memo may be.

pub mod trim;

use std::time::SystemTime;

use temporalio_common::search_attributes::{SearchAttributeKey, SearchAttributeUpdate, Timestamp as AttributeTime};

use crate::contracts::clock::Timestamp;
use crate::contracts::health::HealthStatus;
use crate::contracts::ids::Environment;
use crate::contracts::temporal::memo::Published;
use crate::contracts::temporal::names::attribute;

const PHASE: SearchAttributeKey<String> = SearchAttributeKey::keyword(attribute::PHASE);
const ENVIRONMENT: SearchAttributeKey<String> = SearchAttributeKey::keyword(attribute::ENVIRONMENT);
const HEALTH: SearchAttributeKey<String> = SearchAttributeKey::keyword(attribute::HEALTH);
const GATES: SearchAttributeKey<Vec<String>> = SearchAttributeKey::keyword_list(attribute::GATES);
const GATE_DEADLINE: SearchAttributeKey<AttributeTime> = SearchAttributeKey::datetime(attribute::GATE_DEADLINE);

/// Everything a workflow publishes. Open gates and the earliest deadline are taken from the memo.
#[derive(Clone, Debug, PartialEq)]
pub struct Face {
    pub memo: Published,
    /// Where it stands, in one word.
    pub phase: String,
    pub environment: Option<Environment>,
    pub health: Option<HealthStatus>,
}

/// What must be sent.
#[derive(Debug, Default)]
pub struct Upserts {
    pub memo: Option<Published>,
    pub attributes: Vec<SearchAttributeUpdate>,
}

/// Search attributes as they were last sent.
#[derive(Clone, Debug, Default, PartialEq)]
struct Attributes {
    phase: Option<String>,
    environment: Option<String>,
    health: Option<&'static str>,
    gates: Vec<String>,
    deadline: Option<Timestamp>,
}

/// Remembers what was sent.
#[derive(Clone, Debug, Default)]
pub struct Publisher {
    memo: Option<Published>,
    attributes: Attributes,
}

impl Publisher {
    /// What to send so that the world sees `face`. Nothing when it does already.
    pub fn next(&mut self, face: Face, now: Timestamp) -> Upserts {
        let attributes = Attributes {
            phase: Some(face.phase),
            environment: face.environment.map(|environment| environment.as_str().to_owned()),
            health: face.health.map(HealthStatus::as_str),
            gates: face.memo.gates.iter().map(|gate| gate.id.as_str().to_owned()).collect(),
            deadline: face.memo.gates.iter().filter_map(|gate| gate.deadline).min(),
        };
        let updates = attributes.updates(&self.attributes);
        self.attributes = attributes;

        let memo = Published { v: Published::VERSION, updated_at: None, ..face.memo };
        let changed = self.memo.as_ref() != Some(&memo);
        if changed {
            self.memo = Some(memo.clone());
        }
        let memo = changed.then(|| trim::fit(Published { updated_at: Some(now), ..memo }));
        Upserts { memo, attributes: updates }
    }
}

impl Attributes {
    fn updates(&self, before: &Self) -> Vec<SearchAttributeUpdate> {
        let mut updates = Vec::new();
        if self.phase != before.phase {
            updates.push(keyword(&PHASE, self.phase.clone()));
        }
        if self.environment != before.environment {
            updates.push(keyword(&ENVIRONMENT, self.environment.clone()));
        }
        if self.health != before.health {
            updates.push(keyword(&HEALTH, self.health.map(str::to_owned)));
        }
        if self.gates != before.gates {
            updates.push(GATES.value_set(self.gates.clone()));
        }
        if self.deadline != before.deadline {
            let time = self.deadline.map(|deadline| AttributeTime::from(SystemTime::from(deadline.0)));
            // A year that does not fit is no deadline anybody waits for.
            let update = time.and_then(|time| GATE_DEADLINE.try_value_set(time).ok());
            updates.push(update.unwrap_or_else(|| unset(attribute::GATE_DEADLINE)));
        }
        updates
    }
}

fn keyword(key: &SearchAttributeKey<String>, value: Option<String>) -> SearchAttributeUpdate {
    value.map_or_else(|| unset(key.name()), |value| key.value_set(value))
}

/// Removes an attribute of any type. The SDK's own `value_unset` sends a payload without an encoding, which the
/// server refuses, and with it the workflow task, on every attempt; an empty list is what the server itself calls
/// "no value".
fn unset(name: &'static str) -> SearchAttributeUpdate {
    SearchAttributeKey::keyword_list(name).value_set(Vec::new())
}

#[cfg(test)]
mod tests;
