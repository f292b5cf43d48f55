//! From `gatewatch demo`, with the Temporal CLI there, to the console with data.

use std::time::{Duration, Instant};

use gatewatch::devstack::finder;
use portable_pty::CommandBuilder;

use crate::report::{Bound, Line, Series};
use crate::start;
use crate::world::{self, GATEWATCH};

const ROUNDS: usize = 3;
/// It starts a dozen processes.
const WITHIN: Duration = Duration::from_mins(1);
/// The release of the story, on the first screen.
const DATA: &str = "checkout";

pub(crate) fn measure() -> anyhow::Result<()> {
    let [mut ours, mut control] = [const { Series::new() }; 2];
    let cli = world::cli()?;
    for _ in 0..ROUNDS {
        let home = tempfile::tempdir()?;
        let begun = Instant::now();
        let server = world::server(home.path())?;
        control.add_millis(begun.elapsed());
        drop(server);

        let home = tempfile::tempdir()?;
        let mut command = CommandBuilder::new(GATEWATCH);
        command.args(["demo".as_ref(), "--dir".as_ref(), home.path().join("demo").as_os_str()]);
        world::alone(&mut command, home.path());
        command.env(finder::VARIABLE, &cli);
        let mut console = start(command)?;
        console.shows("gatewatch  ", WITHIN)?;
        ours.add_millis(console.shows(DATA, WITHIN)?);
        console.press("q")?;
        console.ends(Duration::from_secs(20))?;
    }
    let (ours, control) = (&ours, Some(&control));
    Line { name: "demo: console with data, ms", ours, control, bound: Bound::Median(3000.0), peer: "" }.say()
}
