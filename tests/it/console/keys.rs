//! Every key that is named on screen is the keymap's: with another keymap other keys are named.

use std::fmt::Write as _;

use gatewatch::console::action::ACTIONS;
use gatewatch::console::look::Wanted;
use gatewatch::console::screen::{Context, ScreenId};
use gatewatch::console::theme::charset::Charset;
use gatewatch::console::theme::depth::Depth;
use gatewatch::contracts::health::HealthStatus;

use crate::console::drive::Driven;
use crate::console::world::{live, overview, waiting};

/// A console whose keys are none of the default ones.
fn foreign(width: u16, height: u16) -> Driven {
    let folder = tempfile::tempdir().unwrap();
    let keymaps = folder.path().join("keymaps");
    std::fs::create_dir(&keymaps).unwrap();
    let mut keymap = "inherits = \"default\"\n".to_owned();
    let global = [
        ("a", "noop"),
        ("x", "noop"),
        ("R", "noop"),
        ("esc", "noop"),
        ("enter", "noop"),
        ("f2", "gate.approve"),
        ("f3", "gate.reject"),
        ("f4", "rollback"),
        ("f6", "open"),
        ("f7", "back"),
    ];
    let text = [
        ("esc", "noop"),
        ("enter", "noop"),
        ("tab", "noop"),
        ("ctrl-s", "noop"),
        ("ctrl-enter", "noop"),
        ("f7", "back"),
        ("f8", "text.submit"),
        ("f9", "text.newline"),
        ("f10", "text.next-field"),
    ];
    let palette = [("enter", "noop"), ("f6", "open")];
    for (section, keys) in [("global", &global[..]), ("text", &text[..]), ("palette", &palette[..])] {
        writeln!(keymap, "[{section}]").unwrap();
        for (key, action) in keys {
            writeln!(keymap, "{key} = \"{action}\"").unwrap();
        }
    }
    std::fs::write(keymaps.join("foreign.toml"), keymap).unwrap();
    let mut console = Driven::with(width, height, |profile| profile.typed_production = true);
    let wanted = Wanted {
        theme: "dark".to_owned(),
        keymap: "foreign".to_owned(),
        config_dir: Some(folder.path().to_owned()),
        depth: Depth::Ansi16,
        charset: Charset::Unicode,
    };
    console.model.look = wanted.read().unwrap();
    console
}

#[track_caller]
fn says(console: &Driven, words: &[&str]) {
    let screen = console.screen();
    for word in words {
        assert!(screen.contains(word), "`{word}` is not in\n{screen}");
    }
    for key in ["Esc", "⏎", "Ctrl-s", "ctrl-s", "Enter", "Tab"] {
        assert!(!screen.contains(key), "`{key}` does nothing here\n{screen}");
    }
}

#[test]
fn a_question_names_the_keys_of_this_keymap() {
    let mut console = foreign(120, 36);
    console.overview(overview(vec![waiting("prod-checkout-42", "aa")], Vec::new()));
    says(&console, &["f2 approve", "f3 reject"]);
    console.keys("<f2>production");
    says(&console, &["f9 do it", "f7 leave it"]);
    console.keys("<f7><f3>late");
    says(&console, &["f8 do it", "f7 leave it", "f8 send"]);
    console.keys("<f7>");
    says(&console, &["f7 again throws away what you typed"]);
}

#[test]
fn fields_and_empty_screens_name_the_keys_of_this_keymap() {
    let mut console = foreign(120, 36);
    console.overview(overview(Vec::new(), vec![live("deploy-a", HealthStatus::Watching)]));
    says(&console, &["f4 roll back"]);
    console.keys("3<C-v>gate");
    says(&console, &["f10 ", "gateDeadline"]);
    console.keys("<f7>:zzzz");
    console.keys("<f6>");
    says(&console, &["Nothing matches"]);
}

/// What a person reads is built from the keymap: no key is written into a sentence.
#[test]
fn no_key_is_written_into_the_source() {
    let keys = ["Esc ", "Esc.", "Enter ", "Enter.", "⏎", "Tab ", "Ctrl-", "ctrl-", "esc\""];
    let mut queue = vec![std::path::PathBuf::from("src/console")];
    while let Some(path) = queue.pop() {
        if path.is_dir() {
            queue.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        // How keys are spelled, and which characters other character sets have for them.
        if path.starts_with("src/console/keymap") || path.ends_with("theme/charset.rs") {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let code = line.split("//").next().unwrap_or_default();
            let literal = code.split('"').skip(1).step_by(2).collect::<Vec<_>>().join("\" ");
            for key in keys {
                assert!(!format!("{literal}\"").contains(key), "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn help_has_every_action_of_every_screen_and_says_why_not() {
    for (screen, key) in [(ScreenId::Now, "1"), (ScreenId::Gates, "2"), (ScreenId::Workflows, "3")] {
        let mut console = Driven::new(120, 100);
        console.overview(overview(Vec::new(), Vec::new()));
        console.keys(key);
        console.keys("?");
        let frame = console.screen();
        let (shown, _hints) = frame.rsplit_once('\n').unwrap();
        for spec in ACTIONS {
            let means = [screen.context(), Context::Global].iter().any(|context| spec.contexts.contains(context));
            assert_eq!(shown.contains(&format!(" {} ", spec.name)), means, "{}\n{shown}", spec.name);
        }
    }
    let mut console = Driven::new(80, 24);
    console.overview(overview(Vec::new(), Vec::new()));
    console.keys("?/rollb");
    assert!(console.screen().contains("Not now: No deployment is live"), "{}", console.screen());
    console.keys("<esc><esc>?/gate.approve");
    let screen = console.screen();
    assert!(screen.contains("Approve the gate, after its card is read. It acts on the world"), "{screen}");
    assert!(screen.contains("Not now: No gate waits for anybody."), "{screen}");
}

#[test]
fn who_hesitates_is_told_which_keys_follow_and_which_do_nothing() {
    let mut console = Driven::new(120, 36);
    console.keys("g");
    console.pass(400);
    let screen = console.screen();
    assert!(screen.contains("g and then"), "{screen}");
    assert!(screen.contains("Move to the first line."), "{screen}");
}

/// In ASCII a likeness of a key's sign would be another key: `>` for `⏎`.
#[test]
fn without_unicode_keys_are_named_in_words() {
    let mut console = Driven::new(120, 36);
    let wanted = Wanted {
        theme: "dark".to_owned(),
        keymap: "default".to_owned(),
        config_dir: None,
        depth: Depth::Ansi16,
        charset: Charset::Ascii,
    };
    console.model.look = wanted.read().unwrap();
    console.overview(overview(vec![waiting("prod-checkout-42", "aa")], Vec::new()));
    assert!(console.screen().contains(" enter open "), "{}", console.screen());
}
