//! The house rules that a compiler does not hold: layers, owners of external crates, file sizes.

use std::fs;
use std::path::{Path, PathBuf};

/// Which rooms a room may name.
const LAYERS: &[(&str, &[&str])] = &[
    ("contracts", &[]),
    ("config", &["contracts"]),
    ("telemetry", &["contracts", "config"]),
    ("spec", &["contracts", "config"]),
    ("workflows", &["contracts", "spec"]),
    ("activities", &["contracts", "config"]),
    ("agents", &["contracts", "config", "spec"]),
    ("gateway", &["contracts", "config"]),
    ("store", &["contracts", "config"]),
    ("worker", &["contracts", "config", "telemetry", "workflows", "activities", "gateway"]),
    ("coordinator", &["contracts", "config", "telemetry", "spec", "agents", "gateway", "store"]),
    ("console", &["contracts", "config", "telemetry", "gateway"]),
    ("cli", &["contracts", "config", "telemetry", "spec", "gateway"]),
    ("headless", &["contracts", "config", "telemetry", "worker", "coordinator"]),
    (
        "devstack",
        &["contracts", "config", "telemetry", "gateway", "worker", "coordinator", "headless", "console", "cli"],
    ),
    ("bin", &["contracts", "config", "telemetry", "headless", "console", "cli", "devstack"]),
];

/// External crates with an owner: nobody else names them.
const OWNERS: &[(&str, &[&str])] = &[
    ("ratatui", &["console"]),
    ("crossterm", &["console"]),
    ("ratatui_textarea", &["console"]),
    ("temporalio_client", &["gateway", "worker"]),
    ("temporalio_sdk", &["contracts", "workflows", "activities", "worker"]),
    ("temporalio_common", &["contracts", "workflows", "activities", "gateway", "worker"]),
    ("async_nats", &["coordinator"]),
    ("axum", &["coordinator", "worker", "devstack"]),
    ("sqlx", &["activities", "devstack", "store"]),
    ("cel", &["spec"]),
    ("genai", &["agents"]),
    ("clap", &["cli", "headless", "devstack", "bin"]),
];

/// Methods of the gateway and of its coordinator that change something: only `gateway::operate` and the coordinator's
/// own handlers call them.
const CHANGING: &[&str] = &[
    "cancel",
    "cancel_once",
    "decide",
    "lease_step",
    "report_budget",
    "register_attributes",
    "requeue_step",
    "rollback",
    "signal",
    "start_once",
    "start_workflow",
    "tell_goal",
    "terminate",
];

/// The others: whoever adds a method says here which kind it is.
const READING: &[&str] = &[
    "agents",
    "clock_skew",
    "connected",
    "count",
    "describe",
    "collected_evidence",
    "ending",
    "evidence",
    "gates",
    "goal",
    "unreadable",
    "undecided_goals",
    "goal_spec",
    "goal_state",
    "health",
    "history",
    "list",
    "look_closer",
    "missing_attributes",
    "pollers",
    "public_key",
    "ready",
    "server_info",
    "usage",
    "waiting_work",
];

/// What has the name of a changing method and is none.
const NAMESAKES: &[(&str, &str)] = &[
    ("console", "card.rollback("),
    ("cli", "seen.rollback("),
    ("devstack", "status.signal("),
    ("devstack", "teller.rollback("),
    ("devstack", "person.decide("),
    ("devstack", "colleague.decide("),
];

const MAX_LINES: usize = 600;

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The room a file of `src` belongs to; `None` for `lib.rs`.
fn room(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(source()).unwrap();
    let first = inside.components().next()?.as_os_str().to_str()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (name != "lib").then(|| name.to_owned())
}

/// Code without comments, so that a doc link to another room is no import.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// Rooms named after `prefix`: `crate::a::b`, and the first level of `crate::{a, b::c}`.
fn rooms_named(code: &str, prefix: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut word) = (0, String::new());
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => named.push(std::mem::take(&mut word)),
                    _ if depth == 0 => word.push(c),
                    _ => {}
                }
            }
            named.push(word);
        } else {
            named.push(rest.to_owned());
        }
    }
    let head = |path: String| -> String {
        path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    named.into_iter().map(head).filter(|name| !name.is_empty()).collect()
}

fn layer_violations(room: &str, file: &str, text: &str) -> Vec<String> {
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{file}: room `{room}` is in no layer. Add it to LAYERS and to the codemap.")];
    };
    let code = code(text);
    ["crate::", "gatewatch::"]
        .into_iter()
        .flat_map(|prefix| rooms_named(&code, prefix))
        .filter(|named| LAYERS.iter().any(|(name, _)| name == named))
        .filter(|named| named != room && !allowed.contains(&named.as_str()))
        .map(|named| format!("{file}: `{room}` may not name `{named}`. Arrows point down only (src/lib.rs)."))
        .collect()
}

fn owner_violations(room: &str, file: &str, text: &str) -> Vec<String> {
    let code = code(text);
    OWNERS
        .iter()
        .filter(|(name, owners)| !owners.contains(&room) && code.contains(&format!("{name}::")))
        .map(|(name, owners)| format!("{file}: `{name}` belongs to {owners:?}."))
        .collect()
}

/// Calls past the one path for changes, whatever the receiver is called.
fn bypass_violations(room: &str, file: &str, text: &str) -> Vec<String> {
    let names_it = LAYERS.iter().any(|(name, allowed)| *name == room && allowed.contains(&"gateway"));
    if !names_it || room == "coordinator" {
        return Vec::new();
    }
    let code: String = code(text).split_whitespace().collect();
    let calls = |name: &str| -> Vec<String> {
        let (method, path) = (format!(".{name}("), format!("::{name}"));
        let after =
            |pattern: &str| code.match_indices(pattern).map(|(at, found)| (at, found.to_owned())).collect::<Vec<_>>();
        let words = |at: usize| -> String {
            let word: Vec<char> =
                code[..at].chars().rev().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '(' | ')')).collect();
            word.into_iter().rev().collect()
        };
        let called = after(&method).into_iter().map(|(at, found)| format!("{}{found}", words(at)));
        let named = after(&path).into_iter().map(|(at, found)| format!("{}{found}", words(at)));
        called.chain(named.filter(|call| call.starts_with("Gateway::") || call.starts_with("Coordinator::"))).collect()
    };
    CHANGING
        .iter()
        .flat_map(|name| calls(name))
        .filter(|call| !NAMESAKES.contains(&(room, call.as_str())))
        .map(|call| {
            format!("{file}: `{call}` changes something past `gateway::operate`, where read-only and audit are.")
        })
        .collect()
}

fn check_sources(check: impl Fn(&str, &str, &str) -> Vec<String>) {
    let mut problems = Vec::new();
    for file in rust_files(&source()) {
        if let Some(room) = room(&file) {
            let name = file.strip_prefix(source()).unwrap().display().to_string();
            problems.extend(check(&room, &name, &fs::read_to_string(&file).unwrap()));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn arrows_point_down() {
    check_sources(layer_violations);
}

#[test]
fn external_crates_stay_with_their_owner() {
    check_sources(owner_violations);
}

#[test]
fn people_change_things_on_one_path_only() {
    check_sources(bypass_violations);
}

#[test]
fn a_planted_call_past_that_path_is_caught() {
    for planted in [
        "session.gateway.decide(&id, &decide).await",
        "self.gateway\n    .signal(&signal)\n    .await",
        "let link = &session.gateway; link.terminate(&stop)",
        "coordinator.rollback(&id, &body)",
        "gateway().register_attributes()",
        "Gateway::start_workflow(&gateway, &start)",
    ] {
        assert!(!bypass_violations("cli", "x.rs", planted).is_empty(), "{planted}");
        assert!(!bypass_violations("console", "x.rs", planted).is_empty(), "{planted}");
        assert!(bypass_violations("gateway", "x.rs", planted).is_empty(), "{planted}");
    }
    for harmless in
        ["session.operator.perform(mutation)", "gateway.describe(id)", "seen.rollback(was, is)", "Mutation::Signal"]
    {
        assert!(bypass_violations("cli", "x.rs", harmless).is_empty(), "{harmless}");
    }
}

#[test]
fn every_call_of_the_gateway_is_known_to_change_or_to_read() {
    let mut unknown = Vec::new();
    for file in rust_files(&source().join("gateway")) {
        let text = code(&fs::read_to_string(&file).unwrap());
        // The path itself, and what is no method of the gateway.
        let own = ["operate", "audit.rs", "connect.rs"];
        if file.components().any(|part| own.iter().any(|own| part.as_os_str() == *own)) {
            continue;
        }
        let names = text
            .split("pub async fn ")
            .skip(1)
            .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>());
        unknown.extend(names.filter(|name| !CHANGING.contains(&name.as_str()) && !READING.contains(&name.as_str())));
    }
    assert!(unknown.is_empty(), "does it change something? say so in CHANGING or READING: {unknown:?}");
}

#[test]
fn a_planted_upward_import_is_caught() {
    assert!(!layer_violations("workflows", "x.rs", "use crate::activities::deploy;").is_empty());
    assert!(!layer_violations("gateway", "x.rs", "use crate::{contracts::ids, console::model};").is_empty());
    assert!(!owner_violations("contracts", "x.rs", "use ratatui::Frame;").is_empty());
    assert!(
        layer_violations("workflows", "x.rs", "use crate::contracts::ids; // see crate::activities::deploy").is_empty()
    );
}

#[test]
fn files_are_of_a_readable_size() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let long: Vec<String> = ["src", "tests"]
        .iter()
        .flat_map(|dir| rust_files(&root.join(dir)))
        .filter_map(|file| {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            (lines > MAX_LINES).then(|| format!("{}: {lines} lines", file.display()))
        })
        .collect();
    assert!(long.is_empty(), "more than {MAX_LINES} lines, so several things: split\n{}", long.join("\n"));
}

#[test]
fn every_room_of_the_codemap_exists() {
    let codemap = fs::read_to_string(source().join("lib.rs")).unwrap();
    for (room, _) in LAYERS.iter().filter(|(room, _)| !matches!(*room, "bin" | "telemetry")) {
        assert!(codemap.contains(&format!("[`{room}`]")), "the codemap in src/lib.rs lacks `{room}`");
        assert!(codemap.contains(&format!("pub mod {room};")), "src/lib.rs lacks `{room}`");
    }
}
