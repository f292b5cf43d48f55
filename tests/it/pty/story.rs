//! The whole story by keys, in the real demo: a gate is approved, the release breaks, a person rolls it back, and the
//! old version serves again. Everything that a person has to know for a step is on the screen when it is taken.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::demo::{deployed, errand, is_gone};
use crate::pty::rig::{Pty, Setup};
use crate::support::temporal_cli;

/// The demo in a terminal.
struct Demo {
    console: Pty,
    folder: PathBuf,
}

impl Demo {
    fn start(size: (u16, u16)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("demo");
        let cli = temporal_cli();
        let setup = Setup {
            arguments: &["demo", "--dir", folder.to_str().unwrap()],
            // A demo must not find its way to anybody's cluster.
            variables: &[
                ("GATEWATCH_TEMPORAL_CLI", cli.to_str().unwrap()),
                ("TEMPORAL_ADDRESS", "production.example:7233"),
                ("GATEWATCH_READ_ONLY", "true"),
            ],
            size,
            ..Setup::default()
        };
        Self { console: Pty::open_in(home, &setup), folder }
    }

    /// Reads the gate's card, and approves it by its environment's name.
    fn approve(&mut self) {
        let console = &mut self.console;
        console.wait_for("2 shows it, a approves it");
        console.press("2");
        console.wait_for("approve → deploys v42 to production");
        console.assert_shows(&["PRODUCTION", "Retry idempotent payments", "90/100", "✗ Critical paths", "rejected"]);
        console.assert_shows(&["rollback  ready (previous v41"]);
        console.press("a");
        console.wait_for("Approve production approval?");
        console.assert_shows(&[
            "demo ▸ default at 127.0.0.1",
            "prod-checkout-42",
            "then      deploys v42 to production",
        ]);
        console.assert_shows(&[
            "failing   Critical paths",
            "gatewatch approve prod-checkout-42 --gate",
            "Type the name of the env",
        ]);
        console.send("production");
        console.wait_for("▸ production");
        console.press("\r");
        console.wait_for("Break it: : then `errors`");
    }

    /// Breaks the live version from the palette, on the screen where that is seen.
    fn break_it(&mut self) {
        let console = &mut self.console;
        console.press("4");
        console.wait_for("checkout v42 → production");
        console.wait_for("all quiet");
        console.assert_shows(&["live        ✓ v42", "previous    v41", "rollback    READY", "database connection"]);
        console.press(":");
        console.wait_for("What do you want to do?");
        console.send("errors");
        console.wait_for("Demo: make the live checkout answer with error");
        console.press("\r");
        console.wait_for("automatic rollback in");
        // The first bad look may see less of it.
        console.wait_for("error rate 20.0 %");
        console.assert_shows(&["R now", "R R rolls back"]);
        // It is told wherever the person is, with the time that is left.
        console.press("1");
        console.wait_for("What needs somebody now");
        console.wait_for("checkout v42 → production: error rate 20.0 % · rolls back in 00:");
        console.press("4");
        console.wait_for("automatic rollback in");
    }

    /// The first press shows what will happen, the second does it.
    fn roll_back(&mut self) {
        let console = &mut self.console;
        console.press("R");
        console.wait_for("Roll back checkout v42 → v41?");
        console.assert_shows(&[
            "1 roll back database migrations",
            "2 code to previous commit",
            "3 deploy previous version",
        ]);
        console.assert_shows(&["4 verify it serves", "5 watch until healthy", "6 document the reason"]);
        console.assert_shows(&[
            "R rolls back now",
            "Esc keeps watching",
            "temporal workflow signal --workflow-id deploy",
        ]);
        console.press("R");
        console.wait_for("Rolling back checkout v42 → v41  asked by mira");
    }

    /// Until every step is done and the old version serves.
    fn verified(&self) {
        let console = &self.console;
        console.wait_until_verified();
        console.wait_for("✓ 6 document the reason");
        console.assert_shows(&["✓ 1 roll", "✓ 2 code", "✓ 3 deploy", "✓ 4 verify", "✓ 5 watch", "asked by mira"]);
        console.wait_for("That is the whole story");
        let status: Value = serde_json::from_slice(&errand(&self.folder, &["status", "--json"]).stdout).unwrap();
        let live = status["live"].as_array().unwrap().iter().find(|live| live["service"] == "checkout").unwrap();
        assert_eq!(live["version"], "v41");
    }

    fn pid(&self, name: &str) -> Option<Pid> {
        let file = self.folder.join("logs").join(format!("{name}.pid"));
        Pid::from_raw(fs::read_to_string(file).ok()?.trim().parse().ok()?)
    }

    /// `kill -9`, and back as another process.
    fn kill(&self, name: &str) {
        let before = self.pid(name).unwrap_or_else(|| panic!("{name} has no process"));
        kill_process(before, Signal::KILL).unwrap();
        self.console.wait_until(&format!("{name} is started again"), |_| {
            self.pid(name).is_some_and(|pid| pid != before && !is_gone(pid))
        });
    }

    /// Processes of the demo: those of the world, those that the deploy target started, and what names its folder.
    fn processes(&self) -> Vec<Pid> {
        let files = fs::read_dir(self.folder.join("logs")).unwrap().map(|file| file.unwrap().path());
        let names = files.filter(|file| file.extension().is_some_and(|ending| ending == "pid"));
        let mut pids: Vec<Pid> =
            names.filter_map(|file| self.pid(file.file_stem().unwrap().to_str().unwrap())).collect();
        pids.extend(deployed(&self.folder));
        pids.extend(naming(&self.folder));
        pids
    }

    fn assert_nothing_is_left(&self, processes: &[Pid]) {
        for pid in processes {
            self.console.wait_until(&format!("{pid:?} of the demo is gone"), |_| is_gone(*pid));
        }
        assert_eq!(naming(&self.folder), [], "processes outlived the demo");
    }
}

/// Processes with this folder in their arguments.
fn naming(folder: &Path) -> Vec<Pid> {
    let folder = folder.as_os_str().as_encoded_bytes();
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        let pid = Pid::from_raw(name.parse().ok()?)?;
        let arguments = fs::read(format!("/proc/{name}/cmdline")).ok()?;
        arguments.windows(folder.len()).any(|window| window == folder).then_some(pid)
    });
    pids.collect()
}

fn by_keys(size: (u16, u16)) {
    let mut demo = Demo::start(size);
    demo.approve();
    demo.break_it();
    // Nobody has told this terminal that somebody looks at it.
    demo.console.wait_for_bytes("\x1b]9;A rollback trigger is arming: checkout v42");
    demo.roll_back();
    demo.verified();
    assert_eq!(demo.console.count("\x1b]9;Rolling back:"), 0, "nobody is told of their own doing");
    let processes = demo.processes();
    assert!(processes.len() > 8, "{processes:?}");
    demo.console.press("q");
    assert_eq!(demo.console.exit_code(), 0);
    demo.console.assert_given_back();
    demo.assert_nothing_is_left(&processes);
}

#[test]
fn the_story_by_keys_on_a_small_screen() {
    by_keys((80, 24));
}

#[test]
fn the_story_by_keys_on_a_wall() {
    by_keys((200, 50));
}

#[test]
fn the_story_by_keys_with_server_worker_and_coordinator_killed_while_it_is_watched() {
    let mut demo = Demo::start((120, 36));
    demo.approve();
    demo.console.press("4");
    demo.console.wait_for("all quiet");
    demo.kill("temporal");
    // Worker and coordinator are one process in the demo.
    demo.kill("worker");
    demo.console.wait_for("● temporal   ● coordinator");
    demo.break_it();
    demo.roll_back();
    demo.verified();
    demo.console.press("q");
    assert_eq!(demo.console.exit_code(), 0);
}

#[test]
fn a_demo_whose_terminal_goes_away_ends_with_everything_of_it() {
    for signal in [Signal::HUP, Signal::TERM] {
        let mut demo = Demo::start((80, 24));
        demo.console.wait_for("2 shows it, a approves it");
        demo.console.press("2");
        demo.console.wait_for("approve → deploys v42 to production");
        demo.console.press("a");
        demo.console.wait_for("Approve production approval?");
        let processes = demo.processes();
        demo.console.signal(signal);
        demo.console.exit_code();
        demo.console.assert_given_back();
        demo.assert_nothing_is_left(&processes);
    }
}
