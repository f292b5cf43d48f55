//! `gatewatch-worker`: the headless services. Arguments in, exit code out; everything else is the library's.

use std::process::ExitCode;

use clap::Parser;
use gatewatch::headless::args::Headless;
use gatewatch::headless::run;
use mimalloc::MiMalloc;

/// What one thread takes another gives back, a hundred times for each answer that comes in: the system's allocator makes
/// them wait for each other.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
