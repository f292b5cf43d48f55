//! Spec documents: what is wrong is said with file, line and field; what is absent is no error; what could come out
//! differently on replay is refused.

use gatewatch::contracts::agent::AgentResponse;
use gatewatch::contracts::engine::decision::Action;
use gatewatch::contracts::engine::state::EngineState;
use gatewatch::contracts::ids::WorkKind;
use gatewatch::spec::EngineSpec as _;
use gatewatch::spec::decide::{Decided, decide};
use gatewatch::spec::facts::Fact;
use gatewatch::spec::rules::Rules;
use gatewatch::spec::shipped;
use proptest::prelude::*;
use serde_json::{Value, json};

/// What a spec decides when step `a-1` of kind A was answered OK with this content.
fn decided(rules: &str, content: &Value) -> Decided {
    let rules = Rules::read("my.toml", &format!("name = \"x\"\n{rules}")).unwrap();
    let state: EngineState =
        serde_json::from_value(json!({"openSteps": {"a-1": {"kind": "A", "status": "DONE"}}})).unwrap();
    let response: AgentResponse =
        serde_json::from_value(json!({"stepId": "a-1", "status": "OK", "content": content})).unwrap();
    decide(&rules, &state, &Fact::Completed { response: &response }, "d".into())
}

fn wrong(text: &str) -> String {
    Rules::read("my.toml", text).err().map(|problem| problem.to_string()).expect("it is wrong")
}

#[test]
fn what_is_wrong_names_file_line_and_field() {
    let rule = "name = \"x\"\n[[rules]]\nname = \"r\"\non = \"completed\"\n";
    for (text, line, parts) in [
        ("nam = \"x\"\n".to_owned(), 1, vec!["nam", "name"]),
        (format!("{rule}wen = \"true\"\nthen = []\n"), 5, vec!["wen", "when"]),
        (format!("{rule}when = \"1 +\"\nthen = [{{ request = \"A\" }}]\n"), 5, vec!["rules[0].when", "CEL"]),
        (
            format!("{rule}when = \"respons.status == 'OK'\"\nthen = [{{ request = \"A\" }}]\n"),
            5,
            vec!["respons", "response"],
        ),
        (format!("{rule}when = \"dune('A')\"\nthen = [{{ request = \"A\" }}]\n"), 5, vec!["dune", "done"]),
        (format!("{rule}then = []\n"), 5, vec!["rules[0].then", "does nothing"]),
        (format!("{rule}then = [{{ request = \"A\", annotate = \"b\" }}]\n"), 5, vec!["exactly one"]),
        (format!("{rule}event = \"e\"\nthen = [{{ request = \"A\" }}]\n"), 5, vec!["rules[0].event"]),
        (format!("{rule}then = [{{ request = \"A\", payload = {{ b = \"${{1 +}}\" }} }}]\n"), 5, vec!["payload"]),
        (
            format!("{rule}then = [{{ request = \"A\", payload = {{ b = \"${{note('a')\" }} }}]\n"),
            5,
            vec!["never closes"],
        ),
        ("name = \"x\"\n[guardrails]\nbudget-usd = -1.5\n".to_owned(), 3, vec!["guardrails.budget-usd", "US dollars"]),
        ("name = \"x\"\n[guardrails]\nbudget-usd = nan\n".to_owned(), 3, vec!["guardrails.budget-usd"]),
        ("name = \"x\"\n[guardrails]\nbudget-tokens = 0\n".to_owned(), 3, vec!["guardrails.budget-tokens"]),
    ] {
        let said = wrong(&text);
        assert!(said.starts_with(&format!("my.toml:{line}: ")), "{text}\n{said}");
        for part in parts {
            assert!(said.contains(part), "{part:?} is not in: {said}");
        }
    }
}

#[test]
fn what_an_answer_does_not_have_is_null_and_false() {
    let decided = decided(
        r#"
        [[rules]]
        name = "r"
        on = "completed"
        when = "response.content.branch == 'main'"
        then = [{ request = "NEVER" }]
        [[rules]]
        name = "n"
        on = "completed"
        when = "note('n') > 3 || note('n').startsWith('x') || note('n').a.b || note('n') + 1 == 2"
        then = [{ request = "NEVER" }]
        [[rules]]
        name = "s"
        on = "completed"
        then = [{ request = "B", payload = { branch = "${response.content.branch}", text = "on ${response.content.branch}!", n = "${requested('A') + 1}" } }]
        "#,
        &Value::Null,
    );
    assert_eq!(decided.troubles, Vec::<String>::new());
    let payload = json!({"branch": null, "text": "on !", "n": 2});
    assert_eq!(
        decided.decision.actions,
        [Action::RequestWork { work_kind: WorkKind::from("B"), payload, step_id: None }]
    );
}

#[test]
fn a_rule_that_cannot_be_evaluated_is_told_and_the_others_count() {
    let decided = decided(
        r#"
        [[rules]]
        name = "broken"
        on = "completed"
        when = "response.status + 1 == 2"
        then = [{ request = "NEVER" }]
        [[rules]]
        name = "whole"
        on = "completed"
        then = [{ annotate = "seen", value = true }]
        "#,
        &Value::Null,
    );
    assert_eq!(decided.rules, ["whole"]);
    assert_eq!(decided.troubles.len(), 1);
    assert!(decided.troubles[0].contains("broken"), "{decided:?}");
}

#[test]
fn a_goal_is_complete_only_after_what_was_just_asked_for() {
    let annotate = "[[rules]]\nname = \"r\"\non = \"completed\"\nthen = [{ annotate = \"ok\", value = true }]\n";
    let reached = format!("{annotate}[finalize]\nwhen = \"note('ok')\"\n");
    assert!(decided(&reached, &Value::Null).decision.finalize, "with the annotation it is reached");
    let required = format!("[guardrails]\nrequired = [\"DOCS\"]\n{annotate}");
    assert!(!decided(&required, &Value::Null).decision.finalize);
    let more = annotate.replace("annotate = \"ok\", value = true", "request = \"B\"");
    assert!(!decided(&more, &Value::Null).decision.finalize);
}

/// Goals that were started by name follow the text behind it, today and on replay: another text needs another name.
#[test]
fn what_is_shipped_never_changes_under_its_name() {
    let hashes = shipped::SHIPPED.map(|(name, text)| (name, Rules::read(name, text).unwrap().pin().hash.to_string()));
    let released = [
        ("codegen", "ad4442ffaebb3167fb5e197d089c00ae5d270855fb6b797d5f6dc1556a6927f4"),
        ("codegen-coordinator", "6d5a8044706803297f843c05e2917043987e77599f8bca736febc2f4ebdc71f8"),
        ("tutorial", "45913451a41fa19bf38a73bb86fdd8a14738d7071215e565f6a2e1b92d8b2995"),
    ];
    for (name, hash) in released {
        assert!(hashes.iter().any(|(shipped, is)| *shipped == name && is == hash), "{name} has changed: {hashes:?}");
    }
}

#[test]
fn shipped_specs_pin_their_content() {
    let pin = |text: &str| Rules::read("x.toml", text).unwrap().pin().clone();
    let text = shipped::text("tutorial").unwrap();
    assert_eq!(pin(text), pin(text));
    assert_ne!(pin(text).hash, pin(&text.replace("max-attempts = 3", "max-attempts = 4")).hash);
}

fn conditioned(when: &str) -> Result<Rules, String> {
    let when = json!(when);
    let text = format!(
        "name = \"x\"\n[[rules]]\nname = \"r\"\non = \"event\"\nwhen = {when}\nthen = [{{ request = \"B\" }}]\n"
    );
    Rules::read("my.toml", &text).map_err(|problem| problem.to_string())
}

/// CEL iterates maps in random order: what a rule makes of one could differ on replay.
#[test]
fn a_rule_goes_through_lists_only() {
    for when in [
        "response.content.exists(k, k == 'a')",
        "response.content.map(k, k) == ['a']",
        "{'a': 1}.exists(k, k == 'a')",
        "list(response.artifacts).exists(a, a.meta.exists(k, k == 'x'))",
        "step.payload.filter(k, true).size() > 0",
    ] {
        let said = conditioned(when).err().unwrap_or_else(|| panic!("{when} is taken"));
        assert!(said.contains("list("), "{when}: {said}");
    }
    for when in [
        "list(response.artifacts).exists(a, a.type == 'PR')",
        "list(response.artifacts).filter(a, a.type == 'PR').map(a, a.url)[0] != ''",
        "['A', 'B'].all(kind, done(kind))",
        "list(response.content.files).all(f, list(f.lines).exists(l, l > 3))",
    ] {
        assert_eq!(conditioned(when).err(), None, "{when}");
    }
}

#[test]
fn a_list_that_is_none_is_empty_and_one_that_is_a_map_is_told() {
    let rules = r#"
        [[rules]]
        name = "found"
        on = "completed"
        when = "list(response.content.files).exists(f, f == 'b.rs')"
        then = [{ annotate = "names", value = "${list(response.content.files).map(f, f + '!')}" }]
        "#;
    let found = decided(rules, &json!({"files": ["a.rs", "b.rs"]}));
    let names = Action::Annotate { key: "names".into(), value: json!(["a.rs!", "b.rs!"]) };
    assert_eq!((found.decision.actions, found.troubles), (vec![names], Vec::new()));
    for nothing in [json!(null), json!({}), json!({"files": null}), json!({"files": []})] {
        let found = decided(rules, &nothing);
        assert_eq!((found.decision.actions, found.troubles), (Vec::new(), Vec::<String>::new()), "{nothing}");
    }
    let found = decided(rules, &json!({"files": {"a": 1}}));
    assert!(found.troubles[0].contains("list() is given map"), "{found:?}");
}

/// Whatever is written into a spec is refused in words: workflows compile what they are given.
#[test]
fn an_expression_of_any_size_and_depth_is_taken_or_refused() {
    let long = |part: &str, n: usize, end: &str| format!("{}{end}", part.repeat(n));
    for when in [
        format!("{}true{}", "(".repeat(450), ")".repeat(450)),
        format!("{}true{}", "(".repeat(16), ")".repeat(16)),
        format!("{}1{} == [1]", "[".repeat(15), "]".repeat(15)),
        long("!", 149, "true"),
        long("!", 999, "true"),
        long("-", 149, "1 == 1"),
        long("true ? true : ", 16, "true"),
        long("true ? true : ", 60, "true"),
        long("step.", 140, "id == 1"),
        long("1+", 140, "1 == 1"),
        long("true&&", 74, "true"),
        long("'a' in ", 140, "['a']"),
        long("1 == ", 70, "1"),
        long("{'a':", 16, "1"),
        "x".repeat(1_001),
        "'unclosed".to_owned(),
        "\u{0}".to_owned(),
        "🦀".to_owned(),
        String::new(),
    ] {
        if let Ok(rules) = conditioned(&when) {
            drop(rules.is_reached(&EngineState::default()));
            drop(decide(
                &rules,
                &EngineState::default(),
                &Fact::Event { name: "e", payload: &Value::Null },
                "d".into(),
            ));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_is_refused_in_words(parts in proptest::collection::vec(prop_oneof![
        Just("step"), Just("."), Just("("), Just(")"), Just("["), Just("]"), Just("{"), Just("}"), Just("?"), Just(":"),
        Just("&&"), Just("||"), Just("!"), Just("-"), Just("in"), Just("'a'"), Just("1"), Just("1.5e9"), Just("0x"), Just("u"),
        Just("list("), Just(".exists(x,"), Just("has("), Just(","), Just("=="), Just("b'"), Just("\\"), Just("\n"), Just("#"), Just("ü"),
    ], 0..30)) {
        drop(conditioned(&parts.concat()));
    }
}

/// The published schema and the reader agree on what a spec is made of.
#[test]
fn the_schema_takes_what_is_read_and_nothing_else() {
    use crate::support::schema::misfit;
    use gatewatch::spec::document::{Document, SCHEMA};

    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let everything = r#"
name = "all"
version = "1"
description = "d"
[guardrails]
max-attempts = 3
due-minutes = 1
due-seconds = 30
overdue = ["remind", "replace", "fail"]
required = ["A"]
[guardrails.kinds.A]
max-attempts = 1
due-minutes = 1
due-seconds = 1
overdue = []
[[rules]]
name = "r"
on = "child-completed"
kind = "A"
status = "PARTIAL"
event = "e"
when = "true"
then = [{ request = "A", payload = { x = 1 }, when = "true" }, { annotate = "k", value = 1 }, { approval = "Go?" }]
[finalize]
when = "true"
"#;
    let all: Value = toml::from_str(everything).unwrap();
    for (name, text) in shipped::SHIPPED.into_iter().chain([("all", everything)]) {
        let document: Value = toml::from_str(text).unwrap();
        assert_eq!(misfit(&schema, &schema, &document, name), None);
    }
    // Everything that can stand in a spec stands in this one: none of it may be taken away, misspelt or be something else.
    let mut tried = 0;
    for place in places(&all, "") {
        for other in [Some(json!({"unheard-of": 1})), Some(json!(-1)), Some(json!("x")), Some(json!([true])), None] {
            let mut changed = all.clone();
            let (parent, name) = place.rsplit_once('/').unwrap();
            match (changed.pointer_mut(parent).unwrap(), other) {
                (Value::Object(fields), Some(other)) => drop(fields.insert(name.to_owned(), other)),
                (Value::Object(fields), None) => {
                    let value = fields.remove(name).unwrap();
                    fields.insert(format!("{name}x"), value);
                }
                _ => continue,
            }
            let read = serde_json::from_value::<Document>(changed.clone()).map(drop).map_err(|error| error.to_string());
            let fits = misfit(&schema, &schema, &changed, "");
            assert_eq!(read.is_ok(), fits.is_none(), "{place}: {read:?}, {fits:?}: {changed}");
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

/// Where there is something, as JSON pointers; what is under `payload` and `value` is anybody's.
fn places(value: &Value, at: &str) -> Vec<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (format!("{at}/{name}"), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(n, value)| (format!("{at}/{n}"), value)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let mut found = Vec::new();
    for (place, value) in inner {
        found.push(place.clone());
        if !place.ends_with("/payload") && !place.ends_with("/value") {
            found.extend(places(value, &place));
        }
    }
    found
}
