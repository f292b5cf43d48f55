//! What every command has in common: help, mistakes in use and settings, completions, readers that go away, no terminal.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cli::shell::Shell;
use crate::support::{GATEWATCH, PATIENCE};

/// Variables, arguments, and what standard error must say.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], &'a [&'a str]);

fn shell() -> Shell {
    Shell::at("127.0.0.1:1")
}

/// What `gatewatch --help` offers.
async fn offered() -> Vec<String> {
    let help = shell().run_with(&[], &["--help"]).await;
    let commands = help.out.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    // A name stands at two spaces; what it does may go on below, further in.
    let names = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<String> = names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    assert!(names.len() > 10, "{names:?}");
    names.into_iter().filter(|name| name != "help").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_is_in_the_readme_and_its_help_has_an_example() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let without_a_screen = readme.split_once("## Without a screen").unwrap().1.split_once("```").unwrap().0;
    for name in offered().await {
        let known = without_a_screen.contains(&format!("`{name}`")) || ["console", "demo"].contains(&&*name);
        assert!(known, "README does not name `{name}`");
        let help = shell().run_with(&[], &[&name, "--help"]).await;
        assert_eq!(help.code, 0);
        assert!(help.out.contains(&format!("Example:\n  gatewatch {name}")), "{name}: {}", help.out);
        assert!(help.out.contains("Exit codes are listed by `gatewatch --help`."), "{name}: {}", help.out);
    }
    let help = shell().run_with(&[], &["--help"]).await.out;
    for row in readme.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")) {
        let (code, meaning) = (row.0.trim(), row.1.replace('`', ""));
        if code.parse::<u8>().is_ok() && !row.1.contains(" | ") {
            assert!(
                help.lines().any(|line| line.trim().starts_with(code) && line.ends_with(&*meaning)),
                "{code} {meaning}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_use_is_2_and_names_the_nearest() {
    let cases: [(&[&str], &str); 5] = [
        (&["gatess"], "a similar subcommand exists: 'gates'"),
        (&["gates", "--addres", "x"], "a similar argument exists: '--address'"),
        (&["demo", "fault", "erors"], "a similar value exists: 'errors'"),
        (&["approve"], "<WORKFLOW>"),
        (&["list", "--limit", "many"], "invalid value 'many'"),
    ];
    for (arguments, words) in cases {
        let ended = shell().run_with(&[], arguments).await;
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(words), "{arguments:?}: {ended:?}");
        // Whoever asks for JSON gets it, however wrong the rest is.
        let ended = shell().run_with(&[], &[arguments, &["--json"]].concat()).await;
        let told: serde_json::Value = serde_json::from_str(&ended.err).expect("JSON");
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{arguments:?}: {ended:?}");
        let told = [&told["error"]["message"], &told["error"]["hint"]].map(|words| words.as_str().unwrap());
        assert!(told.concat().contains(words), "{arguments:?}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_are_2_and_name_place_and_key() {
    let shell = shell();
    let file = shell.home.path().join("mine.toml");
    fs::write(&file, "[console]\nbell = true\nthem = \"dark\"\n").unwrap();
    let mine = file.to_str().unwrap().to_owned();
    let cases: [Case<'_>; 7] = [
        (&[], &["gates", "--config", &mine], &["mine.toml:3: console.them:", "Did you mean `theme`?"]),
        (&[("GATEWATCH_CONFIG", &mine)], &["config"], &["mine.toml:3: console.them:"]),
        (&[], &["gates", "--config", "absent.toml"], &["absent.toml: There is no such file."]),
        (&[], &["gates", "--profile", "prod"], &["flag --profile:", "There is no profile `prod`"]),
        (&[("TEMPORAL_ADDRESS", ":::x")], &["list"], &["environment variable TEMPORAL_ADDRESS:", "host:7233"]),
        (&[("TEMPORAL_ADDRESS", "shop")], &["list"], &["`shop` names no port"]),
        (
            &[("TEMPORAL_API_KEY", "sesame"), ("TEMPORAL_ADDRESS", "http://10.0.0.1:7233")],
            &["list"],
            &["in clear", "https://"],
        ),
    ];
    for (variables, arguments, words) in cases {
        let ended = shell.run_with(variables, arguments).await;
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{arguments:?}: {ended:?}");
        for part in words {
            assert!(ended.err.contains(part), "{arguments:?} lacks {part}: {ended:?}");
        }
        assert!(!ended.err.contains("sesame"), "{ended:?}");
        let ended = shell.run_with(variables, &[arguments, &["--json"]].concat()).await;
        let error: Value = serde_json::from_str(&ended.err).unwrap();
        assert_eq!(error["error"]["kind"], "invalid", "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn config_says_what_is_in_effect_and_where_it_comes_from() {
    let shell = shell();
    let folder = shell.home.path();
    fs::write(folder.join("gatewatch.toml"), "[console]\ntheme = \"light\"\nbell = true\n").unwrap();
    fs::write(folder.join("temporal.toml"), "[profile.prod]\naddress = \"there:7233\"\napi_key = \"sesame\"\n")
        .unwrap();
    let variables =
        [("TEMPORAL_CONFIG_FILE", "temporal.toml"), ("TEMPORAL_PROFILE", "prod"), ("GATEWATCH_BELL", "false")];
    let arguments = ["config", "--config", "gatewatch.toml", "--namespace", "shop"];
    let ended = shell.run_with(&variables, &arguments).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let row = |key: &str| -> Vec<&str> {
        let row = ended.out.lines().find(|line| line.split_whitespace().next() == Some(key));
        row.unwrap_or_else(|| panic!("{key}: {}", ended.out)).split_whitespace().skip(1).collect()
    };
    assert_eq!(row("console.keymap"), ["default", "default"]);
    assert!(row("console.theme")[1].ends_with("gatewatch.toml:2"), "{ended:?}");
    assert_eq!(row("console.bell"), ["false", "environment", "variable", "GATEWATCH_BELL"]);
    assert_eq!(row("temporal.namespace"), ["shop", "flag", "--namespace"]);
    assert_eq!(row("temporal.address")[0], "https://there:7233/");
    assert!(row("temporal.address")[1].ends_with("temporal.toml:2"), "{ended:?}");
    assert!(row("temporal.api_key")[1].ends_with("temporal.toml:3"), "{ended:?}");
    assert!(!ended.out.contains("sesame") && !ended.out.contains('\u{1b}'), "{ended:?}");
    let json = shell.run_with(&variables, &[&arguments[..], &["--json"]].concat()).await.json();
    assert_eq!((&json["console.theme"], &json["console.bell"]), (&Value::from("light"), &Value::from(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_are_scripts_of_their_shells_and_offer_no_part_of_the_demo() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["bash", "zsh", "fish"] {
        let ended = shell().run_with(&[], &["completions", name]).await;
        assert_eq!((ended.code, ended.err.as_str()), (0, ""));
        assert!(ended.out.contains("request-evidence") && !ended.out.contains("demo-switch"), "{name}");
        let script = folder.path().join(name);
        fs::write(&script, ended.out).unwrap();
        // Where the shell is not there it cannot be asked.
        let check = Command::new(name).arg("-n").arg(&script).output();
        if let Ok(check) = check {
            assert!(check.status.success(), "{name}: {}", String::from_utf8_lossy(&check.stderr));
        } else {
            eprintln!("there is no {name} here");
        }
    }
    assert_eq!(shell().run_with(&[], &["completions", "cmd"]).await.code, 2);
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let home = tempfile::tempdir().unwrap();
    for arguments in
        [&["config", "--example"][..], &["config"], &["completions", "bash"], &["--help"], &["audit", "--json"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(GATEWATCH);
        command.args(arguments).env_clear().env("HOME", home.path()).stdin(Stdio::null()).stdout(writer);
        let ended = command.output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.is_empty(), "{arguments:?}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_the_console_says_what_else_there_is() {
    for arguments in [&[][..], &["console"]] {
        let ended = tokio::time::timeout(PATIENCE, async { shell().run_with(&[], arguments).await }).await.unwrap();
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{ended:?}");
        assert!(ended.err.contains("needs a terminal") && ended.err.contains("gatewatch list"), "{ended:?}");
    }
}
