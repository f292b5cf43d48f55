//! How fast the console is, on a real pseudo-terminal against a real Temporal server.
//!
//! `cargo bench --bench console` prints one line a measure: ours, the control of the same run, their ratio and
//! the goal. Runs are interleaved, so that a noisy neighbour disturbs both. It compares, it never fails.

mod bare;
mod minimal;
mod pty;
mod world;

use std::io::Write as _;
use std::time::Duration;

use portable_pty::CommandBuilder;
use pty::Program;
use world::World;

const ROUNDS: usize = 15;
const KEYSTROKES: usize = 200;
const ROWS: u16 = 50;
const COLUMNS: u16 = 200;
const WITHIN: Duration = Duration::from_secs(20);
/// A program that wrote nothing for this long has finished its answer to a key.
const QUIET: Duration = Duration::from_millis(30);

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("minimal") => minimal::run(),
        Some("bare") => bare::run(&arguments.next().unwrap_or_default()),
        _ => measure(),
    }
}

/// One measure, over all rounds.
struct Series(Vec<f64>);

impl Series {
    fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let index = ((sorted.len() as f64 - 1.0) * share).round() as usize;
        sorted.get(index).copied().unwrap_or(f64::NAN)
    }

    fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
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
    say(&format!("{} workflows on a real Temporal server, {COLUMNS}×{ROWS}, {ROUNDS} rounds\n", world::WORKFLOWS))?;
    say("measure                                   ours    control     ratio   goal")?;
    starts(&world)?;
    keystrokes(&world)?;
    idle(&world)
}

fn line(name: &str, ours: f64, control: f64, goal: &str) -> anyhow::Result<()> {
    say(&format!("{name:<36} {ours:>9.2} {control:>10.2} {:>9.2}   {goal}", ours / control))
}

/// First frame, first page, memory then.
fn starts(world: &World) -> anyhow::Result<()> {
    let [mut frame, mut control_frame, mut page, mut control_page] = [const { Series(Vec::new()) }; 4];
    let (mut resident, mut control_resident) = (Series(Vec::new()), Series(Vec::new()));
    for _ in 0..ROUNDS {
        let mut minimal = start(this_program(&["minimal"])?)?;
        control_frame.0.push(millis(minimal.shows("minimal-000", WITHIN)?));

        let mut bare = start(this_program(&["bare", &world.address])?)?;
        control_page.0.push(millis(bare.shows(world::NEWEST, WITHIN)?));
        #[expect(clippy::cast_precision_loss, reason = "kilobytes")]
        control_resident.0.push(bare.resident_kb()? as f64 / 1024.0);

        let mut console = start(world.console())?;
        frame.0.push(millis(console.shows("gatewatch", WITHIN)?));
        page.0.push(millis(console.shows(world::NEWEST, WITHIN)?));
        console.settle(Duration::from_millis(300))?;
        #[expect(clippy::cast_precision_loss, reason = "kilobytes")]
        resident.0.push(console.resident_kb()? as f64 / 1024.0);
    }
    line("first frame, ms (minimal ratatui)", frame.median(), control_frame.median(), "≤ 5 ms")?;
    let goal = control_page.median().mul_add(1.3, 5.0);
    line("first page, ms (bare gRPC list)", page.median(), control_page.median(), &format!("≤ {goal:.1} ms"))?;
    line("resident memory, MB (bare gRPC list)", resident.median(), control_resident.median(), "≤ 14 MB")
}

/// What moving the cursor costs.
fn keystrokes(world: &World) -> anyhow::Result<()> {
    let mut console = start(world.console())?;
    console.shows(world::NEWEST, WITHIN)?;
    console.settle(Duration::from_millis(500))?;
    let mut minimal = start(this_program(&["minimal"])?)?;
    minimal.shows("minimal-000", WITHIN)?;
    minimal.settle(Duration::from_millis(200))?;
    let [mut time, mut control_time, mut bytes, mut control_bytes] = [const { Series(Vec::new()) }; 4];
    for n in 0..KEYSTROKES {
        let key = if n % 40 < 20 { "j" } else { "k" };
        for (program, time, bytes) in
            [(&mut console, &mut time, &mut bytes), (&mut minimal, &mut control_time, &mut control_bytes)]
        {
            let cost = program.type_and_settle(key, QUIET)?;
            time.0.push(millis(cost.to_last_byte));
            #[expect(clippy::cast_precision_loss, reason = "bytes of a keystroke")]
            bytes.0.push(cost.bytes as f64);
        }
    }
    line("cursor move to last byte, ms, median", time.median(), control_time.median(), "≤ 1 ms")?;
    line("cursor move to last byte, ms, p99", time.quantile(0.99), control_time.quantile(0.99), "≤ 2 ms")?;
    line("cursor move, bytes, median", bytes.median(), control_bytes.median(), "≤ 200")
}

/// What half a minute of looking costs.
fn idle(world: &World) -> anyhow::Result<()> {
    let mut console = start(world.console())?;
    console.shows(world::NEWEST, WITHIN)?;
    console.settle(Duration::from_secs(2))?;
    let mut minimal = start(this_program(&["minimal"])?)?;
    minimal.shows("minimal-000", WITHIN)?;
    let ours = console.idle(Duration::from_secs(30))?;
    let control = minimal.idle(Duration::from_secs(1))?;
    #[expect(clippy::cast_precision_loss, reason = "bytes of half a minute")]
    line("30 s idle, bytes", ours.bytes as f64, control.bytes as f64, "≤ 100")?;
    line("30 s idle, CPU ms", millis(ours.cpu), millis(control.cpu), "≤ 20 ms")
}
