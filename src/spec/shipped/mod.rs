//! The specs that come with gatewatch.

use crate::config::problem::Problem;
use crate::contracts::engine::input::Decider;
use crate::spec::rules::Rules;

/// Name and text of every shipped spec. A text that was released never changes: goals that run follow it by its name.
/// What is better gets another name.
pub const SHIPPED: [(&str, &str); 3] = [
    ("codegen", include_str!("codegen.toml")),
    ("codegen-coordinator", include_str!("codegen-coordinator.toml")),
    ("tutorial", include_str!("tutorial.toml")),
];

/// The spec of a goal that names none.
pub fn default_of(decider: Decider) -> &'static str {
    match decider {
        Decider::Spec => "codegen",
        Decider::Coordinator => "codegen-coordinator",
    }
}

/// The text of a shipped spec.
pub fn text(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// A shipped spec, compiled; none when there is none of this name.
pub fn rules(name: &str) -> Option<Result<Rules, Problem>> {
    text(name).map(|text| Rules::read(&format!("{name}.toml"), text))
}

#[cfg(test)]
mod tests {
    use super::{SHIPPED, rules};

    #[test]
    fn every_shipped_spec_compiles_under_its_own_name() {
        for (name, _) in SHIPPED {
            match rules(name).unwrap() {
                Ok(rules) => assert_eq!(crate::spec::EngineSpec::pin(&rules).name.as_str(), name),
                Err(problem) => panic!("{problem}"),
            }
        }
    }
}
