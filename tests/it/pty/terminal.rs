//! What the console does to the terminal beside drawing: given back after a panic, put aside while suspended, told things
//! by escape sequences. And what it does when themes and keymaps change under it.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use gatewatch::console::tty::terminal::Terminal;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::pty::nobody;
use crate::pty::rig::{Pty, Setup};
use crate::support::GATEWATCH;

/// Not a test: takes the terminal and panics while it draws, as a defect would.
#[test]
#[ignore = "this is what the test of panics runs"]
fn panics_while_it_draws() {
    let mut terminal = Terminal::enter().unwrap();
    terminal.draw(|frame| frame.buffer_mut().set_string(0, 0, "drawn", ratatui::style::Style::new())).unwrap();
    // A thread that fails alone must not draw over what is on the screen.
    let _ = thread::spawn(|| panic!("in the background")).join();
    thread::sleep(Duration::from_millis(200));
    terminal.draw(|_| panic!("the drawing broke")).unwrap();
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_says_why() {
    let exe = std::env::current_exe().unwrap();
    let arguments = ["--exact", "pty::terminal::panics_while_it_draws", "--ignored", "--nocapture"];
    let setup = Setup { program: exe.to_str().unwrap(), arguments: &arguments, ..Setup::default() };
    let mut console = Pty::open(&setup);
    assert_ne!(console.exit_code(), 0);
    console.wait_for_bytes("test result");
    console.assert_given_back();
    assert_eq!(console.count("\x1b[?1049l"), 1, "given back twice, the message is written over");
    let screen = console.screen();
    assert!(screen.contains("the drawing broke"), "{screen}");
    assert!(!screen.contains("in the background"), "{screen}");
    let bytes = console.bytes();
    let place = |words: &str| bytes.windows(words.len()).position(|window| window == words.as_bytes()).unwrap();
    assert!(place("\x1b[?1049l") < place("the drawing broke"));
}

/// A console under a shell with job control, as people start it.
fn under_a_shell() -> Pty {
    let address = nobody();
    let aside = "echo put aside; read line; fg";
    let script = format!("set -m; {GATEWATCH} --address {address}; {aside}; {aside}; echo code $?");
    Pty::open(&Setup { program: "/bin/sh", arguments: &["-c", &script], ..Setup::default() })
}

#[test]
fn it_can_be_put_aside_and_comes_back_whole() {
    let mut console = under_a_shell();
    console.wait_for("✗ temporal");
    console.press("3");
    console.wait_for("▸3 Workflows");
    console.press("\x1a");
    console.wait_for("put aside");
    console.assert_given_back();
    // At the same size, all of it has to be drawn again.
    console.send("\r");
    console.wait_for("Esc back");
    console.assert_shows(&["gatewatch", "✗ temporal", "▸3 Workflows"]);
    console.press("\x1a");
    console.wait_until("it is put aside again", |_| console.count("put aside") == 2);
    // The terminal may have another size by then.
    console.resize(100, 30);
    let drawn = console.bytes().len();
    console.send("\r");
    console.wait_for("▸3 Workflows");
    console.wait_until("a frame of 100 columns", |screen| {
        screen.lines().nth(2).is_some_and(|line| line.chars().count() == 100)
    });
    let again = String::from_utf8_lossy(&console.bytes()[drawn..]).into_owned();
    assert!(again.contains("\x1b[?1049h"), "the screen is taken again");
    console.press("1");
    console.wait_for("What needs somebody now");
    console.press("q");
    console.wait_for("code 0");
    console.assert_given_back();
}

#[test]
fn without_a_shell_it_is_not_put_aside() {
    let mut console = Pty::start(&nobody(), 80, 24);
    console.wait_for("✗ temporal");
    console.press("\x1a");
    console.wait_for("There is no shell to go back to");
    console.signal(Signal::TSTP);
    console.press("3");
    console.wait_for("▸3 Workflows");
    console.press("q");
    assert_eq!(console.exit_code(), 0);
}

fn write(folder: &Path, file: &str, text: &str) {
    let file = folder.join("gatewatch").join(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// A console with a folder of settings of its own.
fn with_settings() -> Pty {
    let home = TempDir::new().unwrap();
    fs::create_dir(home.path().join("gatewatch")).unwrap();
    let address = nobody();
    let variables = [("COLORTERM", "truecolor")];
    let setup = Setup { arguments: &["--address", &address], variables: &variables, ..Setup::default() };
    let console = Pty::open_in(home, &setup);
    console.wait_for("✗ temporal");
    console
}

const TITLE: &str = "What needs somebody now";

fn title_is(console: &Pty, red: u8, green: u8, blue: u8) {
    let wanted = vt100::Color::Rgb(red, green, blue);
    console.wait_until(&format!("the title is {wanted:?}"), |_| {
        console.colours(TITLE).is_some_and(|(text, _)| text == wanted)
    });
}

#[test]
fn a_theme_is_read_again_while_it_runs_and_a_broken_one_is_told_in_full() {
    let mut console = with_settings();
    let home = console.home().to_owned();
    write(&home, "themes/dark.toml", "inherits = \"dark\"\n[roles]\n\"text.strong\" = \"#010203\"\n");
    title_is(&console, 1, 2, 3);
    write(
        &home,
        "themes/dark.toml",
        "inherits = \"dark\"\n[roles]\n\"text.strong\" = \"#040506\"\ntxt = \"#ffffff\"\n",
    );
    console.wait_until("file, line and key of the error", |screen| {
        // It may take more than one line.
        let flat: String = screen.split_whitespace().collect();
        flat.contains("gatewatch/themes/dark.toml:4:`txt`")
    });
    console.assert_shows(&["What worked before stays in use"]);
    title_is(&console, 1, 2, 3);
    console.press("d");
    console.wait_until_gone("dark.toml");
    write(&home, "themes/dark.toml", "inherits = \"dark\"\n[roles]\n\"text.strong\" = \"#040506\"\n");
    title_is(&console, 4, 5, 6);
    console.press("q");
    assert_eq!(console.exit_code(), 0);
}

#[test]
fn a_keymap_is_read_again_while_it_runs_and_a_broken_one_leaves_the_keys_alone() {
    let mut console = with_settings();
    let home = console.home().to_owned();
    write(&home, "keymaps/default.toml", "inherits = \"default\"\n[global]\nz = \"go.workflows\"\n");
    console.wait_for("were read again");
    console.press("z");
    console.wait_for("▸3 Workflows");
    write(&home, "keymaps/default.toml", "inherits = \"default\"\n[global]\nz = \"go.nowhere\"\n");
    console.wait_until("file, line and key of the error", |screen| {
        let flat: String = screen.split_whitespace().collect();
        flat.contains("gatewatch/keymaps/default.toml:3:`z`") && flat.contains("go.nowhere")
    });
    console.press("1");
    console.wait_for(TITLE);
    console.press("z");
    console.wait_for("▸3 Workflows");
    console.press("q");
    assert_eq!(console.exit_code(), 0);
}
