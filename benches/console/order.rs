//! Which functions the console runs until it shows the list, written into the linker script `src/bin/gatewatch.ld`.
//!
//! Valgrind's `callgrind` runs the release build and writes down every function it sees. The compiler gives a name to
//! all instances of a generic function, and a hash to each: what ran is named with its hash. Another compiler makes
//! other hashes, so the names follow without them: then all instances lie side by side, which is the next best.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use portable_pty::CommandBuilder;

use crate::report::say;
use crate::start;
use crate::world::{self, GATEWATCH, World};

/// Valgrind makes a program fifty times slower.
const WITHIN: Duration = Duration::from_mins(3);
const ENDS_WITHIN: Duration = Duration::from_mins(1);

/// Where the script is: the build reads it, so it is replaced only when there is a whole one.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin/gatewatch.ld");

/// Writes the script.
pub(crate) fn write() -> anyhow::Result<()> {
    let world = World::start()?;
    let folder = tempfile::tempdir()?;
    let seen = folder.path().join("seen");
    let mut console = start(watched(&world, &seen))?;
    console.shows("gatewatch", WITHIN)?;
    console.press("3")?;
    console.shows(world::NEWEST, WITHIN)?;
    console.press("\u{3}")?;
    console.ends(ENDS_WITHIN)?;
    let seen = std::fs::read_to_string(&seen).context("callgrind wrote nothing")?;
    let functions = functions(&seen);
    anyhow::ensure!(functions.len() > 500, "only {} functions were seen: is this a release build?", functions.len());
    std::fs::write(SCRIPT, script(&functions))?;
    say(&format!("{} functions, written to {SCRIPT}", functions.len()))
}

fn watched(world: &World, seen: &Path) -> CommandBuilder {
    let console = world.console(&world.address);
    let mut command = console.clone();
    let argv = command.get_argv_mut();
    // Its own words would be on the screen before the console is.
    let mut wrapped: Vec<_> = ["valgrind", "--quiet", "--tool=callgrind", "--demangle=no"].map(Into::into).into();
    wrapped.push(format!("--callgrind-out-file={}", seen.display()).into());
    wrapped.append(argv);
    *argv = wrapped;
    command
}

/// Valgrind looks for a program's code in `.text` and does not know whose the rest is: that which lies side by side.
const UNKNOWN: &str = "???";

/// The functions of the executable, as `callgrind` names them: `ob=(2) FILE` says whose the following are, `fn=(7) NAME`
/// what one is called, and `(7)` alone repeats it. What is called is named by `cob` and `cfn` in the same way.
fn functions(seen: &str) -> BTreeSet<&str> {
    let (mut objects, mut object, mut callee) = (BTreeMap::new(), "", None);
    let mut functions = BTreeSet::new();
    for line in seen.lines() {
        let Some((tag, rest)) = line.split_once("=(") else { continue };
        let Some((id, name)) = rest.split_once(')') else { continue };
        match tag {
            "ob" | "cob" => {
                if let Some(name) = name.strip_prefix(' ') {
                    objects.insert(id, name);
                }
                let named = objects.get(id).copied().unwrap_or_default();
                if tag == "ob" { object = named } else { callee = Some(named) }
            }
            "fn" | "cfn" => {
                let home = if tag == "fn" { object } else { callee.take().unwrap_or(object) };
                if let Some(name) = name.strip_prefix(' ').filter(|name| is_symbol(name))
                    && [GATEWATCH, UNKNOWN].contains(&home)
                {
                    // Callgrind numbers the calls of a function that calls itself.
                    functions.insert(name.split('\'').next().unwrap_or(name));
                }
            }
            _ => {}
        }
    }
    functions
}

/// Whether it is a name at all: what has none is called by its address.
fn is_symbol(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !name.contains(char::is_whitespace)
}

/// A mangled name without the numbers that the compiler appends.
fn this_one(name: &str) -> String {
    // In a name of the older form a point is a part of a path.
    let end = name.rfind("17h").filter(|_| name.starts_with("_ZN")).unwrap_or_default();
    let end = name[end..].find('.').map_or(name.len(), |more| end + more);
    format!("{}*", &name[..end])
}

/// A mangled name without what differs from compiler to compiler: hashes.
fn all_of_its_name(name: &str) -> String {
    if let Some((legacy, _)) = name.rsplit_once("17h").filter(|_| name.starts_with("_ZN")) {
        return format!("{legacy}17h*");
    }
    let name = name.split('.').next().unwrap_or(name);
    // `Cs`, a hash in base 62, `_`: the crate of what follows.
    let mut parts = name.split("Cs");
    let first = parts.next().unwrap_or_default().to_owned();
    let plain = parts.fold(first, |plain, part| match part.split_once('_') {
        Some((hash, rest)) if hash.len() > 8 && hash.chars().all(|c| c.is_ascii_alphanumeric()) => {
            format!("{plain}Cs*_{rest}")
        }
        _ => format!("{plain}Cs{part}"),
    });
    format!("{plain}*")
}

fn script(functions: &BTreeSet<&str>) -> String {
    let mut script = String::from(
        "/* What the console runs until it shows the list; see build.rs. Written by\n   \
         `cargo bench --bench console -- order`. */\nSECTIONS {\n",
    );
    let exactly: BTreeSet<_> = functions.iter().map(|name| this_one(name)).collect();
    let about: BTreeSet<_> = functions.iter().map(|name| all_of_its_name(name)).collect();
    for (section, patterns) in [(".text.start", exactly), (".text.near", about)] {
        // Writing to a string cannot fail.
        let _ = writeln!(script, "  {section} : {{");
        for pattern in patterns {
            // Those the compiler holds for unlikely have a prefix of their own.
            let _ = writeln!(script, "    *(.text*.{pattern})");
        }
        script.push_str("  }\n");
    }
    script.push_str("}\nINSERT BEFORE .text;\n");
    script
}
