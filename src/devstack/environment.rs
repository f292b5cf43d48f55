//! Which variables of the environment the demo's processes do not get: a demo must never find its way to another cluster.

/// What stays the user's own in a demo. All else of ours and of Temporal's could lead out of its world.
const OF_THE_USER: [&str; 6] = [
    "GATEWATCH_THEME",
    "GATEWATCH_KEYMAP",
    "GATEWATCH_BELL",
    "GATEWATCH_DESKTOP_NOTIFICATIONS",
    "GATEWATCH_CONFIG_DIR",
    "GATEWATCH_LOG",
];

/// Whether a variable must not reach the demo.
pub fn leads_elsewhere(variable: &str) -> bool {
    (variable.starts_with("TEMPORAL_") || variable.starts_with("GATEWATCH_")) && !OF_THE_USER.contains(&variable)
}
