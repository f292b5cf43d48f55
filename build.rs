//! Lays what the console runs at its start side by side in the release executable.
//!
//! The kernel maps 64 KB around each piece of a program that runs. Link-time optimisation scatters the 2 MB that the
//! console needs over 26 MB, and nearly half of the executable became resident for it. `src/bin/gatewatch.ld` names the
//! functions that ran, each instance of a generic one by its hash, and then without hashes, for another compiler:
//! `cargo bench --bench console -- order` writes it anew. One that is missing there, or is named in vain, costs memory
//! and nothing else.

use std::env::var;

const SCRIPT: &str = "src/bin/gatewatch.ld";
/// Set to anything, it leaves the script out: for a linker that reads none and is chosen where no flag tells.
const PLAIN: &str = "GATEWATCH_PLAIN_LINK";

fn main() {
    println!("cargo:rerun-if-changed={SCRIPT}");
    let is = |name: &str, wanted: &str| var(name).is_ok_and(|value| value == wanted);
    println!("cargo:rerun-if-env-changed={PLAIN}");
    // Of the linkers that somebody may have chosen, not all read scripts.
    let flags = var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let own_linker = flags.contains("-fuse-ld") || flags.contains("linker=") || var(PLAIN).is_ok();
    if is("CARGO_CFG_TARGET_OS", "linux") && is("PROFILE", "release") && !own_linker {
        let folder = var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo:rustc-link-arg-bin=gatewatch=-T{folder}/{SCRIPT}");
    }
}
