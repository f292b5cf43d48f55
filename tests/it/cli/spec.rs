//! `gatewatch spec` as a process: no server, no settings, mistakes with their place.

use std::fs;

use serde_json::{Value, json};

use crate::cli::shell::{Ended, Shell};

/// A folder with these files, and a shell in it.
fn shell(files: &[(&str, &str)]) -> Shell {
    let shell = Shell::at("127.0.0.1:1");
    for (name, text) in files {
        fs::write(shell.home.path().join(name), text).unwrap();
    }
    shell
}

async fn spec(shell: &Shell, arguments: &[&str]) -> Ended {
    shell.run_with(&[], &[&["spec"], arguments].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_with_gatewatch_is_listed_printed_and_without_mistakes() {
    let shell = shell(&[]);
    let listed = spec(&shell, &["list", "--json"]).await.json();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|spec| spec["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["codegen", "codegen-coordinator", "tutorial"]);
    let table = spec(&shell, &["list"]).await;
    for (name, row) in names.iter().zip(listed.as_array().unwrap()) {
        let shown = spec(&shell, &["show", name]).await;
        assert_eq!(shown.code, 0, "{shown:?}");
        fs::write(shell.home.path().join("mine.toml"), &shown.out).unwrap();
        let checked = spec(&shell, &["check", "mine.toml", "--json"]).await;
        assert_eq!((checked.code, &checked.json()["hash"]), (0, &row["hash"]), "{checked:?}");
        assert!(table.out.contains(name) && table.out.contains(&row["hash"].as_str().unwrap()[..12]), "{table:?}");
    }
    let unknown = spec(&shell, &["show", "codegn"]).await;
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("codegen-coordinator"), "{unknown:?}");
}

/// What comes with gatewatch needs no settings.
#[tokio::test(flavor = "multi_thread")]
async fn broken_settings_hide_no_spec_that_is_shipped() {
    let shell = shell(&[("broken.toml", "[console\n")]);
    for command in [&["list"][..], &["show", "tutorial"]] {
        let ended = spec(&shell, &[command, &["--config", "broken.toml"]].concat()).await;
        assert!(ended.code == 0 && ended.out.contains("tutorial"), "{ended:?}");
        for part in ["broken.toml:1", "Only specs that come with gatewatch"] {
            assert!(ended.err.contains(part), "{part}: {ended:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_2_and_has_file_line_field_and_what_to_do() {
    let text = "name = \"x\"\n\n[[rules]]\nname = \"r\"\non = \"completed\"\nwhen = \"respons.status == 'OK'\"\nthen = [{ request = \"A\" }]\n";
    let shell = shell(&[("mine.toml", text)]);
    let ended = spec(&shell, &["check", "mine.toml"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{ended:?}");
    for part in ["mine.toml:6: rules[0].when:", "`respons`", "response", "Correct the expression."] {
        assert!(ended.err.contains(part), "{part}: {ended:?}");
    }
    let ended = spec(&shell, &["check", "mine.toml", "--json"]).await;
    let error: Value = serde_json::from_str(&ended.err).unwrap();
    assert_eq!((ended.code, &error["error"]["kind"]), (2, &json!("invalid")));
    let ended = spec(&shell, &["check", "absent.toml"]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("absent.toml: The file cannot be read"), "{ended:?}");
    let help = spec(&shell, &["check", "--help"]).await;
    assert!(help.out.contains("done(kind)") && help.out.contains("list(value)"), "{help:?}");
}

/// The cases of the README's tutorial: a draft is there, it is approved, it is published.
fn cases() -> Value {
    let draft = json!({"draft-1": {"kind": "DRAFT", "status": "IN_PROGRESS"}});
    json!([
        {
            "name": "a draft asks a person",
            "state": {"openSteps": draft},
            "response": {"stepId": "draft-1", "status": "OK", "content": {"title": "Hello", "text": "World"}},
            "expect": {
                "rules": ["a draft is there"],
                "actions": [{"type": "REQUEST_APPROVAL", "payload": {"title": "Publish \"Hello\"?", "text": "World"}}],
                "finalize": false
            }
        },
        {
            "name": "publishing completes the goal",
            "state": {"openSteps": {"publish-1": {"kind": "PUBLISH", "status": "WAITING"}}},
            "response": {"stepId": "publish-1", "status": "OK"},
            "expect": {"actions": [], "finalize": true}
        },
        {
            "name": "no is no",
            "state": {"openSteps": {"approval-1": {"kind": "APPROVAL", "status": "WAITING"}}},
            "rejected": {"stepId": "approval-1", "reason": "too short"},
            "expect": {"actions": [{"type": "REQUEST_WORK", "workKind": "DRAFT", "payload": {"reason": "too short"}}]}
        }
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_show_the_decision_and_end_with_1_when_it_is_another() {
    let shell = shell(&[("cases.json", &cases().to_string())]);
    let tutorial = spec(&shell, &["show", "tutorial"]).await.out;
    fs::write(shell.home.path().join("mine.toml"), tutorial).unwrap();
    let ended = spec(&shell, &["test", "mine.toml", "cases.json"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{ended:?}");
    for part in ["ok    a draft asks a person", "approval {", "finalize the goal is complete", "request  DRAFT"] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }

    let mut other = cases();
    other[1]["expect"]["finalize"] = json!(false);
    fs::write(shell.home.path().join("cases.json"), other.to_string()).unwrap();
    let ended = spec(&shell, &["test", "mine.toml", "cases.json"]).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.out.contains("FAIL  publishing completes the goal"), "{}", ended.out);
    assert!(ended.out.contains("finalize: expected false, decided true"), "{}", ended.out);
    let reports = spec(&shell, &["test", "mine.toml", "cases.json", "--json"]).await;
    assert_eq!(reports.code, 1);
    let reports = reports.json();
    assert_eq!(reports[1]["decision"]["finalize"], true);
    assert_eq!((&reports[0]["unexpected"], reports[1]["unexpected"].as_array().unwrap().len()), (&json!([]), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_that_cannot_be_read_are_2_and_a_step_that_is_not_there_is_1() {
    let shell = shell(&[]);
    let tutorial = spec(&shell, &["show", "tutorial"]).await.out;
    fs::write(shell.home.path().join("mine.toml"), tutorial).unwrap();
    for (cases, code, words) in [
        ("[\n{\"name\": \"x\", \"respons\": {}}]", 2, "cases.json:2:"),
        ("[{\"name\": \"x\"}]", 2, "[0]: A case has exactly one of"),
        ("[{\"name\": \"x\", \"approved\": \"a\", \"child\": {\"kind\": \"K\"}}]", 2, "exactly one"),
        ("[{\"name\": \"x\", \"approved\": \"a-1\"}]", 1, "no step a-1"),
    ] {
        fs::write(shell.home.path().join("cases.json"), cases).unwrap();
        let ended = spec(&shell, &["test", "mine.toml", "cases.json"]).await;
        assert_eq!(ended.code, code, "{cases}: {ended:?}");
        assert!(ended.err.contains(words) || ended.out.contains(words), "{cases}: {ended:?}");
    }
}
