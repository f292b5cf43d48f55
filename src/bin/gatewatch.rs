//! `gatewatch`: the console, the same operations without a screen, and the demo. Arguments in, exit code out.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use gatewatch::cli::exit;
use gatewatch::cli::global::Global;
use gatewatch::cli::output::{Form, Output};
use gatewatch::devstack::part::Part;
use gatewatch::headless::args::Headless;
use gatewatch::{cli, console, devstack, headless};

/// The on-call console for Temporal: watch deliveries, approve gates, roll back.
///
/// Without a command it opens the console.
#[derive(Debug, Parser)]
#[command(version, after_help = exit::TABLE)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open the console: the same as no command at all.
    #[command(after_help = exit::example("gatewatch console --profile prod --read-only"))]
    Console,
    #[command(flatten)]
    Cli(cli::Command),
    /// Print a completion script for a shell.
    #[command(after_help = exit::example("gatewatch completions bash > ~/.local/share/bash-completion/completions/gatewatch"))]
    Completions { shell: Shell },
    /// The headless services, as `gatewatch-worker` runs them.
    #[command(hide = true)]
    WorkerProcess(Headless),
    #[command(flatten)]
    Part(Part),
    #[command(flatten)]
    Devstack(devstack::command::Command),
}

fn main() -> ExitCode {
    let Arguments { global, command } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and version are no errors; they print themselves.
        Err(error) if error.use_stderr() && std::env::args_os().any(|word| word == "--json") => {
            return ExitCode::from(Output::new(Form::Json, true).end(Err(exit::misused(&error))).code());
        }
        Err(error) => error.exit(),
    };
    match command {
        None | Some(Command::Console) => open_console(&global),
        Some(Command::Cli(command)) => cli::run(&global, &command),
        Some(Command::Completions { shell }) => ExitCode::from(global.output().end(complete(&global, shell)).code()),
        Some(Command::WorkerProcess(arguments)) => headless::run::main(&arguments),
        Some(Command::Part(part)) => part.run(),
        Some(Command::Devstack(command)) => devstack::command::run(&global, &command),
    }
}

/// What a person may type: the processes of the demo are not offered.
fn complete(global: &Global, shell: Shell) -> Result<exit::Exit, exit::Stop> {
    let all = Arguments::command();
    let offered: Vec<_> = all.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    let mut offered = clap::Command::new("gatewatch").args(all.get_arguments().cloned()).subcommands(offered);
    // Into memory first: the generator panics when nobody reads.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut offered, "gatewatch", &mut script);
    global.output().line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(exit::Exit::Ok)
}

/// The console on the configured namespace.
fn open_console(global: &Global) -> ExitCode {
    let opened = global.settings().and_then(|settings| {
        let options = console::run::Options { config: global.config.clone(), demo: None };
        console::run::run(settings, &options).map_err(|error| exit::failure_of(&error))
    });
    ExitCode::from(global.output().end(opened.map(|()| exit::Exit::Ok).map_err(Into::into)).code())
}
