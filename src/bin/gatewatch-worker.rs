//! `gatewatch-worker`: the headless services. Arguments in, exit code out; everything else is the library's.

use std::process::ExitCode;

use clap::Parser;
use gatewatch::headless::args::Headless;
use gatewatch::headless::run;

/// Runs gatewatch's workflows and activities, its coordinator, or both.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    headless: Headless,
}

fn main() -> ExitCode {
    run::main(&Arguments::parse().headless)
}
