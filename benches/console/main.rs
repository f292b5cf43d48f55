//! How fast the console is, on a real pseudo-terminal against a real Temporal server.
//!
//! `cargo bench --bench console` prints a line for each measure: ours, the control of the same run, their ratio, the
//! bound. Ours and control take turns, so that a noisy neighbour disturbs both. It compares; it never fails.
//!
//! `cargo bench --bench console -- order` measures nothing: it writes down which functions a start runs, see [`order`].
//!
//! Only the list of 100,000 workflows comes from a [`rehearsal`] of a server: everything else is real.

mod bare;
mod demo;
mod minimal;
mod order;
mod pty;
mod rehearsal;
#[path = "../report.rs"]
mod report;
mod world;

use std::time::{Duration, Instant};

use portable_pty::CommandBuilder;
use pty::Program;
use rehearsal::Frontend;
use report::{Bound, Line, Series, say};
use world::World;

/// Starts of each program.
const ROUNDS: usize = 25;
const KEYSTROKES: usize = 300;
/// How long nobody does anything: ages turn with the minute, so less than one tells either too much or too little.
const IDLE: Duration = Duration::from_mins(1);
/// So many times.
const IDLES: usize = 2;
/// What is told is for half of it.
const HALVES: u32 = 2;
const ROWS: u16 = 50;
const COLUMNS: u16 = 200;
const WITHIN: Duration = Duration::from_secs(20);
const LOADED_WITHIN: Duration = Duration::from_mins(3);
/// A program that wrote nothing for this long has finished its answer to a key.
const QUIET: Duration = Duration::from_millis(30);

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("minimal") => minimal::run(),
        Some("bare") => bare::run(&arguments.next().unwrap_or_default()),
        Some("order") => order::write(),
        _ => measure(),
    }
}

fn this_program(arguments: &[&str]) -> anyhow::Result<CommandBuilder> {
    let mut command = CommandBuilder::new(std::env::current_exe()?);
    command.args(arguments);
    Ok(command)
}

fn start(command: CommandBuilder) -> anyhow::Result<Program> {
    Program::start(command, ROWS, COLUMNS)
}

fn measure() -> anyhow::Result<()> {
    let world = World::start()?;
    say(&format!("{} workflows on a real Temporal server, {COLUMNS}×{ROWS} pseudo-terminal.", world::WORKFLOWS))?;
    load()?;
    say(
        "Control: for the frame, keys and idling a minimal ratatui program; for the page and memory a bare gRPC list;",
    )?;
    say(
        "for the demo the start of its Temporal server alone. The best peer's figures are from another run: two cores,",
    )?;
    say("the same size, tmprl 0.4.2, temporal-tui 1.2.0 and tempo 1d81989 on 2026-11-21.\n")?;
    report::head()?;
    starts(&world)?;
    let mut console = list(&world.console(&world.address), world::NEWEST)?;
    keystrokes(&mut console, "cursor move")?;
    drop(console);
    many(&world)?;
    idle(&world)?;
    demo::measure()?;
    load()
}

fn load() -> anyhow::Result<()> {
    let average = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    say(&format!("Load average: {}", average.trim()))
}

/// First frame, first page, memory then.
fn starts(world: &World) -> anyhow::Result<()> {
    let [mut frame, mut control_frame, mut page, mut control_page] = [const { Series::new() }; 4];
    let [mut resident, mut own, mut control_resident] = [const { Series::new() }; 3];
    for _ in 0..ROUNDS {
        let mut minimal = start(this_program(&["minimal"])?)?;
        control_frame.add_millis(minimal.shows("minimal-000", WITHIN)?);
        drop(minimal);

        let mut bare = start(this_program(&["bare", &world.address])?)?;
        control_page.add_millis(bare.shows(world::NEWEST, WITHIN)?);
        control_resident.add(bare.memory()?.resident);
        drop(bare);

        let mut console = start(world.console(&world.address))?;
        frame.add_millis(console.shows("gatewatch", WITHIN)?);
        // The list is one key away from the first screen.
        console.press("3")?;
        page.add_millis(console.shows(world::NEWEST, WITHIN)?);
        let memory = console.memory()?;
        resident.add(memory.resident);
        own.add(memory.own);
    }
    let say = |name, ours, control, bound, peer| Line { name, ours, control: Some(control), bound, peer }.say();
    say("first frame, ms", &frame, &control_frame, Bound::Median(5.0), "8.8 (first byte)")?;
    let bound = control_page.median().mul_add(1.3, 5.0);
    say("first page, ms", &page, &control_page, Bound::Median(bound), "20; 0.6 of it is 12")?;
    say("resident memory then, MB", &resident, &control_resident, Bound::Median(14.0), "14.0")?;
    say("  of it not of the executable's file", &own, &control_resident, Bound::None, "")
}

/// A console that shows the list.
fn list(command: &CommandBuilder, newest: &str) -> anyhow::Result<Program> {
    let mut console = start(command.clone())?;
    console.shows("gatewatch", WITHIN)?;
    console.press("3")?;
    console.shows(newest, WITHIN)?;
    console.settle(Duration::from_millis(500));
    Ok(console)
}

/// What moving the cursor costs.
fn keystrokes(console: &mut Program, what: &str) -> anyhow::Result<()> {
    let mut minimal = start(this_program(&["minimal"])?)?;
    minimal.shows("minimal-000", WITHIN)?;
    minimal.settle(Duration::from_millis(200));
    let [mut time, mut control_time, mut bytes, mut control_bytes] = [const { Series::new() }; 4];
    for n in 0..KEYSTROKES {
        let key = if n % 40 < 20 { "j" } else { "k" };
        for (program, time, bytes) in
            [(&mut *console, &mut time, &mut bytes), (&mut minimal, &mut control_time, &mut control_bytes)]
        {
            let cost = program.type_and_settle(key, QUIET)?;
            time.add_millis(cost.to_last_byte);
            bytes.add_count(cost.bytes);
        }
    }
    let say = |name: &str, ours, control, bound, peer| {
        let name = format!("{what}{name}");
        Line { name: &name, ours, control: Some(control), bound, peer }.say()
    };
    say(", bytes", &bytes, &control_bytes, Bound::Median(200.0), "660")?;
    say(" to its last byte, ms", &time, &control_time, Bound::Median(1.0), "1.3")?;
    say(" to its last byte, p99", &time, &control_time, Bound::Rare(2.0), "")
}

/// The same with 100,000 rows loaded, at their end.
fn many(world: &World) -> anyhow::Result<()> {
    let frontend = Frontend::start()?;
    let mut console = list(&world.console(&frontend.address), rehearsal::NEWEST)?;
    let all = format!("┌ {} workflows ", rehearsal::WORKFLOWS);
    let deadline = Instant::now() + LOADED_WITHIN;
    while !console.text().contains(&all) {
        anyhow::ensure!(Instant::now() < deadline, "not all is loaded:\n{}", console.text());
        // Each jump to the end brings the next page.
        console.press("G")?;
        console.settle(QUIET);
    }
    console.press("G")?;
    console.settle(Duration::from_secs(1));
    // Into the middle of the screen: what scrolls is another measure.
    console.press(&"k".repeat(25))?;
    console.settle(Duration::from_secs(1));
    keystrokes(&mut console, "100,000 rows: move")?;
    let mut resident = Series::new();
    resident.add(console.memory()?.resident);
    Line { name: "100,000 rows: resident, MB", ours: &resident, control: None, bound: Bound::None, peer: "" }.say()
}

/// What half a minute of looking costs, of a whole one.
fn idle(world: &World) -> anyhow::Result<()> {
    let mut console = list(&world.console(&world.address), world::NEWEST)?;
    console.settle(Duration::from_secs(2));
    let mut minimal = start(this_program(&["minimal"])?)?;
    minimal.shows("minimal-000", WITHIN)?;
    minimal.settle(Duration::from_millis(200));
    let [mut bytes, mut cpu, mut control_bytes, mut control_cpu] = [const { Series::new() }; 4];
    for _ in 0..IDLES {
        let ours = console.idle(IDLE)?;
        bytes.add_count(ours.bytes.div_ceil(HALVES as usize));
        cpu.add_millis(ours.cpu / HALVES);
        // It does nothing at all: a moment tells as much.
        let control = minimal.idle(Duration::from_secs(1))?;
        control_bytes.add_count(control.bytes);
        control_cpu.add_millis(control.cpu);
    }
    let say = |name, ours, control, bound, peer| Line { name, ours, control: Some(control), bound, peer }.say();
    say("30 s idle, bytes", &bytes, &control_bytes, Bound::Ever(100.0), "750 (never refreshes)")?;
    say("30 s idle, CPU ms", &cpu, &control_cpu, Bound::Ever(20.0), "32")
}
