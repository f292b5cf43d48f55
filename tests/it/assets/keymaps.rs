//! Keymaps: they load, reach everything, keep the rules of the hand, and name their mistakes.

use std::collections::BTreeSet;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use gatewatch::console::action::{ACTIONS, Action};
use gatewatch::console::assets::{Kind, Shelf};
use gatewatch::console::key::KeyPress;
use gatewatch::console::keymap::{Keymap, Resolution, load, path, table, text};
use gatewatch::console::screen::{Context, ScreenId};
use proptest::prelude::*;

use super::{UserFolder, shipped};

fn keymap(name: &str) -> Keymap {
    load::keymap(&Shelf::new(Kind::Keymap, None), name).unwrap_or_else(|error| panic!("{error}"))
}

fn all() -> Vec<Keymap> {
    shipped(Kind::Keymap).iter().map(|name| keymap(name)).collect()
}

fn does(keymap: &Keymap, context: Context, keys: &str) -> Resolution {
    keymap.resolve(context, &text::parse(keys).unwrap())
}

/// What is only worth a place in the palette.
const PALETTE_ONLY: [Action; 5] =
    [Action::FaultErrors, Action::FaultLatency, Action::FaultHealth, Action::FaultDatabase, Action::FaultNone];

#[test]
fn every_action_has_a_key_wherever_it_means_something() {
    for keymap in all() {
        for spec in ACTIONS.iter().filter(|spec| !PALETTE_ONLY.contains(&spec.action)) {
            for context in spec.contexts {
                let keys = keymap.keys_for(*context, spec.action);
                assert!(!keys.is_empty(), "{}: no key for {} in {}", keymap.name, spec.name, context.name());
            }
        }
    }
}

#[test]
fn one_can_leave_get_help_and_find_everything_from_everywhere() {
    for keymap in all() {
        for context in Context::ALL {
            let wanted = if path(context).contains(&Context::Text) {
                &[Action::Back][..]
            } else {
                &[Action::Quit, Action::Help, Action::Palette, Action::Back]
            };
            for action in wanted {
                let keys = keymap.keys_for(context, *action);
                assert!(!keys.is_empty(), "{}: no key for {action:?} in {}", keymap.name, context.name());
            }
        }
    }
}

#[test]
fn where_text_is_typed_a_character_is_never_an_action() {
    for keymap in all() {
        for context in [Context::Text, Context::Palette] {
            for (keys, action) in keymap.bindings(context) {
                assert_eq!(keys[0].typed(), None, "{}: typing {} does {action:?}", keymap.name, text::print(&keys));
            }
        }
    }
}

#[test]
fn no_default_fights_tmux_or_the_shell() {
    let banned: Vec<KeyPress> = "hjklab ".chars().map(KeyPress::ctrl).collect();
    for keymap in all() {
        for context in Context::ALL {
            for (keys, action) in keymap.bindings(context) {
                for key in keys {
                    assert!(!banned.contains(&key), "{}: {} does {action:?}", keymap.name, text::print(&[key]));
                }
            }
        }
    }
}

#[test]
fn what_writes_is_one_deliberate_letter_and_none_beside_the_resting_keys() {
    // Neighbours, on a US keyboard, of the keys pressed without looking: Enter, j and k.
    let beside: Vec<KeyPress> = "uiolmnh,J K]\\';".chars().filter(|c| *c != ' ').map(KeyPress::char).collect();
    for keymap in all() {
        for screen in ScreenId::ALL {
            for (keys, action) in keymap.bindings(screen.context()).into_iter().filter(|(_, action)| action.writes()) {
                assert!(!beside.contains(keys.last().unwrap()), "{}: {action:?} lies beside", keymap.name);
                assert!(keys[0].modifiers.is_empty(), "{}: {action:?} is on a chord", keymap.name);
            }
        }
        assert_eq!(does(&keymap, Context::Deployment, "R"), Resolution::Action(Action::RollBack));
        assert_eq!(does(&keymap, Context::Deployment, "r"), Resolution::None, "a missed shift must not act");
    }
}

#[test]
fn a_key_means_the_same_on_every_screen() {
    for keymap in all() {
        for (keys, action) in keymap.bindings(Context::Global) {
            for screen in ScreenId::ALL {
                let here = keymap.resolve(screen.context(), &keys);
                assert_eq!(
                    here,
                    Resolution::Action(action),
                    "{}: {} in {}",
                    keymap.name,
                    text::print(&keys),
                    screen.name()
                );
            }
        }
    }
}

#[test]
fn which_key_comes_from_the_tree() {
    let vim = keymap("vim");
    assert_eq!(does(&vim, Context::Now, "g g"), Resolution::Action(Action::CursorTop));
    assert_eq!(does(&vim, Context::Now, "g x"), Resolution::None);
    let following = [
        ("g", Action::CursorTop),
        ("t", Action::NextTab),
        ("T", Action::PreviousTab),
        ("1", Action::GoNow),
        ("2", Action::GoGates),
        ("3", Action::GoWorkflows),
        ("4", Action::GoDeployment),
        ("5", Action::GoHistory),
        ("6", Action::GoSteps),
        ("7", Action::GoAgents),
    ];
    let following = following.map(|(key, action)| (key.to_owned(), action)).to_vec();
    assert_eq!(does(&vim, Context::Now, "g"), Resolution::Pending(following));
}

#[test]
fn hints_show_the_shortest_key_that_works_here() {
    let (default, vim) = (keymap("default"), keymap("vim"));
    let hints = |keymap: &Keymap, context, action| keymap.label(context, action);
    assert_eq!(hints(&default, Context::Gates, Action::Open).as_deref(), Some("⏎"));
    assert_eq!(hints(&default, Context::Gates, Action::Copy).as_deref(), Some("y"));
    assert_eq!(hints(&vim, Context::Gates, Action::Copy).as_deref(), Some("y y"));
    assert_eq!(hints(&default, Context::Text, Action::Submit).as_deref(), Some("Ctrl-s"));
    assert_eq!(hints(&default, Context::Gates, Action::FaultNone), None);
    for context in Context::ALL {
        for spec in ACTIONS {
            let all = vim.keys_for(context, spec.action);
            let shown = all.first().map(|keys| text::label(keys, vim.spelling));
            assert_eq!(hints(&vim, context, spec.action), shown, "{context:?} {}", spec.name);
        }
    }
}

#[test]
fn help_lists_what_means_something_here_with_its_keys() {
    let entries = table::entries(&keymap("default"), Context::Text);
    let lines: Vec<String> =
        entries.iter().map(|entry| format!("{} {}", entry.action.spec().name, entry.keys.join(" or "))).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    back Esc
    text.submit Ctrl-s or Ctrl-⏎
    text.newline ⏎
    text.next-field Tab
    text.previous-field Shift-Tab
    ");
}

#[test]
fn the_readme_shows_the_keys_there_are() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let table = table::markdown(&keymap("default"));
    assert!(readme.contains(&table), "README.md: replace its table of keys by this one:\n\n{table}");
}

#[test]
fn a_keymap_of_ones_own_changes_what_it_names() {
    let user = UserFolder::new(
        Kind::Keymap,
        &[("mine", "inherits = \"default\"\n[global]\nq = \"noop\"\n\"ctrl-Q\" = \"quit\"\n[history]\nx = \"fold\"\n")],
    );
    let mine = load::keymap(&user.shelf(), "mine").unwrap();
    assert_eq!(does(&mine, Context::Now, "q"), Resolution::None);
    assert_eq!(does(&mine, Context::Now, "ctrl-q"), Resolution::Action(Action::Quit));
    assert_eq!(does(&mine, Context::History, "x"), Resolution::Action(Action::Fold), "a section goes before [global]");
    assert_eq!(does(&mine, Context::Gates, "x"), Resolution::Action(Action::Reject));
}

#[test]
fn mistakes_name_file_line_and_key() {
    let cases = [
        ("[global]\nq = \"qiut\"\n", "keymaps/t.toml:3: `q`: no action `qiut`. Did you mean `quit`?"),
        ("[golbal]\nq = \"quit\"\n", "keymaps/t.toml:2: `golbal`: no such section. Did you mean `global`?"),
        (
            "[global]\n\"ctlr-s\" = \"quit\"\n",
            "keymaps/t.toml:3: `ctlr-s`: no key `ctlr-s`. A key is a character, a name such as `enter` or `f5`, or either after `ctrl-`, `alt-`, `shift-`.",
        ),
        ("[global]\n\"g entr\" = \"quit\"\n", "keymaps/t.toml:3: `g entr`: no key `entr`. Did you mean `enter`?"),
        ("[global]\n\"\" = \"quit\"\n", "keymaps/t.toml:3: ``: no key is named."),
        (
            "[global]\nG = \"quit\"\n\"shift-g\" = \"quit\"\n",
            "keymaps/t.toml:4: `shift-g`: is the same key as in line 3. Keep one of them.",
        ),
        (
            "[global]\ng = \"cursor.top\"\n",
            "keymaps/t.toml:3: `g`: hides `g g` (keymaps/default.toml:N). Unbind one of them: \"g g\" = \"noop\".",
        ),
        (
            "[global]\n\"q q\" = \"quit\"\n",
            "keymaps/t.toml:3: `q q`: is hidden by `q` (keymaps/default.toml:N). Unbind one of them: \"q\" = \"noop\".",
        ),
        (
            "[history]\na = \"gate.approve\"\n",
            "keymaps/t.toml:3: `a`: `gate.approve` does nothing in [history], only in: now, gates, workflow, steps.",
        ),
        ("[text]\nq = \"quit\"\n", "keymaps/t.toml:3: `q`: `quit` does nothing in [text], only in: global."),
        (
            "[global]\nq = true\n",
            "keymaps/t.toml:3: `q`: is true or false, but should be the name of an action in quotes",
        ),
        ("global = \"x\"\n", "keymaps/t.toml:2: `global`: is text, but should be a section"),
    ];
    for (text, words) in cases {
        let user = UserFolder::new(Kind::Keymap, &[("t", &format!("inherits = \"default\"\n{text}"))]);
        let error = load::keymap(&user.shelf(), "t").unwrap_err();
        assert_eq!(without_default_lines(&user.words(&error)), words);
    }
}

/// The lines of the shipped keymap move; that there is one is what matters.
fn without_default_lines(words: &str) -> String {
    let Some((before, after)) = words.split_once("default.toml:") else { return words.to_owned() };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    assert_ne!(rest, after, "no line is named: {words}");
    format!("{before}default.toml:N{rest}")
}

#[test]
fn keys_are_read_however_they_are_spelled() {
    let cases = [
        ("g g", vec![KeyPress::char('g'), KeyPress::char('g')]),
        ("shift-g", vec![KeyPress::char('G')]),
        ("Ctrl-S", vec![KeyPress::ctrl('s')]),
        ("ctrl-shift-s", vec![KeyPress::ctrl('S')]),
        ("space", vec![KeyPress::char(' ')]),
        ("-", vec![KeyPress::char('-')]),
        ("ctrl--", vec![KeyPress::ctrl('-')]),
        ("shift-tab", vec![KeyPress::plain(KeyCode::BackTab)]),
        ("ctrl-enter", vec![KeyPress { code: KeyCode::Enter, modifiers: KeyModifiers::CONTROL }]),
        ("F12", vec![KeyPress::plain(KeyCode::F(12))]),
        ("ü", vec![KeyPress::char('ü')]),
    ];
    for (spelled, keys) in cases {
        assert_eq!(text::parse(spelled), Ok(keys), "{spelled}");
    }
    for wrong in ["", " ", "ctrl-", "f0", "f25", "gg", "meta-x"] {
        assert!(text::parse(wrong).is_err(), "{wrong:?}");
    }
}

fn any_key() -> impl Strategy<Value = KeyPress> {
    let named = [
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Backspace,
        KeyCode::Delete,
        KeyCode::Insert,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::PageUp,
        KeyCode::PageDown,
    ];
    let code = prop_oneof![
        any::<char>()
            .prop_filter("terminals send no controls as characters", |c| !c.is_control() && !c.is_whitespace())
            .prop_map(KeyCode::Char),
        Just(KeyCode::Char(' ')),
        proptest::char::range('!', '~').prop_map(KeyCode::Char),
        (1..=24u8).prop_map(KeyCode::F),
        proptest::sample::select(named.to_vec()),
    ];
    (code, 0..8u8).prop_filter_map("a key that was released is no key", |(code, bits)| {
        let modifiers = KeyModifiers::from_bits_truncate(bits);
        // Terminals send Shift with Tab as a key of its own.
        let code =
            if code == KeyCode::Tab && modifiers.contains(KeyModifiers::SHIFT) { KeyCode::BackTab } else { code };
        KeyPress::from_event(KeyEvent::new(code, modifiers))
    })
}

proptest! {
    #[test]
    fn what_is_printed_parses_back(keys in proptest::collection::vec(any_key(), 1..4)) {
        prop_assert_eq!(text::parse(&text::print(&keys)), Ok(keys));
    }

    #[test]
    fn any_text_is_a_key_or_a_sentence(text in ".{0,20}") {
        if let Err(message) = text::parse(&text) {
            prop_assert!(message.ends_with('.') || message.ends_with('?'), "{}", message);
        }
    }

    #[test]
    fn keys_do_not_make_each_other_unreachable(name in proptest::sample::select(vec!["default", "vim"])) {
        let keymap = keymap(name);
        for context in Context::ALL {
            for (keys, action) in keymap.bindings(context) {
                prop_assert_eq!(keymap.resolve(context, &keys), Resolution::Action(action));
            }
        }
    }
}

#[test]
fn contexts_have_no_duplicate_names() {
    let names: BTreeSet<&str> = Context::ALL.into_iter().map(Context::name).collect();
    assert_eq!(names.len(), Context::ALL.len());
}
