//! Finds the Temporal CLI, which holds the dev server; makes one where Go can. It starts nothing that stays.
//!
//! `$GATEWATCH_TEMPORAL_CLI` is the choice where it is set. Else: `PATH`, Go's bin folders, our cache, `go install`
//! into the cache. The SDK has a downloader of its own; it hangs on a feature that compiles zip, tar, zstd and a second
//! HTTP client into everybody's binary, so it is left out.

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::{Instant, timeout};

use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::text;

/// Names the CLI to use, against every other way.
pub const VARIABLE: &str = "GATEWATCH_TEMPORAL_CLI";
/// What `go install` is asked for.
const PACKAGE: &str = "github.com/temporalio/cli/cmd/temporal";
const VERSION: &str = "v1.5.1";
/// Updates are on by default from here on.
const OLDEST_SERVER: (u32, u32) = (1, 25);
const EXECUTABLE: &str = "temporal";
const ASK_WITHIN: Duration = Duration::from_secs(20);
/// Five minutes on two cores; somebody's may be slower.
const INSTALL_WITHIN: Duration = Duration::from_mins(30);
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);
const INSTALL_TELLS_EVERY: Duration = Duration::from_secs(15);

/// A CLI that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    /// What it says of itself.
    pub version: String,
}

/// Where to look. [`Places::of_this_machine`] is the real one; tests make poorer ones.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// `$GATEWATCH_TEMPORAL_CLI`.
    pub chosen: Option<PathBuf>,
    /// Folders of `PATH`.
    pub path: Vec<PathBuf>,
    /// Where Go puts what it installs.
    pub go_bin: Vec<PathBuf>,
    /// Ours; `go install` goes there too.
    pub cache: Option<PathBuf>,
}

impl Places {
    pub fn of_this_machine() -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let folders = |name: &str| set(name).map(|paths| env::split_paths(&paths).collect::<Vec<_>>());
        let gopath = folders("GOPATH").or_else(|| dirs::home_dir().map(|home| vec![home.join("go")]));
        let go_bin = set("GOBIN").map(PathBuf::from).into_iter();
        Self {
            chosen: set(VARIABLE).map(PathBuf::from),
            path: folders("PATH").unwrap_or_default(),
            go_bin: go_bin.chain(gopath.unwrap_or_default().into_iter().map(|folder| folder.join("bin"))).collect(),
            cache: dirs::cache_dir().map(|folder| folder.join("gatewatch").join(format!("temporal-{VERSION}"))),
        }
    }
}

/// What was tried, and why it was not it.
#[derive(Debug, Default)]
struct Tried(Vec<(String, String)>);

impl Tried {
    fn note(&mut self, way: impl Into<String>, why: impl Into<String>) {
        self.0.push((way.into(), why.into()));
    }

    fn failure(&self) -> Failure {
        let mut message = "No Temporal CLI that can run a dev server was found:".to_owned();
        for (way, why) in &self.0 {
            // Writing to a string cannot fail.
            let _ = write!(message, "\n  ✗ {way}: {why}");
        }
        // Aligned with the list above: the hint follows after a space.
        message.push_str("\n ");
        let hint = format!(
            "Install it from https://docs.temporal.io/cli and put it on PATH, or name it in {VARIABLE}, or install Go \
             (https://go.dev/dl) and run this again."
        );
        Failure::new(FailureKind::NotFound, message, hint)
    }
}

/// Finds the CLI. `tell` gets a line now and then when it takes long.
pub async fn find(places: &Places, tell: &mut dyn FnMut(&str)) -> Result<Found, Failure> {
    if let Some(path) = &places.chosen {
        return ask(path).await.map_err(|why| {
            let message = format!("{VARIABLE} names {}, which is not it: {why}.", path.display());
            Failure::new(FailureKind::Invalid, message, format!("Correct {VARIABLE}, or unset it to look elsewhere."))
        });
    }
    let mut tried = Tried::default();
    tried.note(format!("${VARIABLE}"), "not set");
    let named = [("PATH", &places.path), ("Go's bin folder", &places.go_bin)];
    for (way, folders) in named {
        if let Some(found) = in_folders(way, folders, &mut tried).await {
            return Ok(found);
        }
    }
    let Some(cache) = &places.cache else {
        tried.note("the cache", "this user has no cache folder: neither XDG_CACHE_HOME nor HOME is set");
        return Err(tried.failure());
    };
    if let Some(found) = in_folders("the cache", std::slice::from_ref(cache), &mut tried).await {
        return Ok(found);
    }
    let way = format!("go install {PACKAGE}@{VERSION}");
    match install(places, cache, tell).await {
        Ok(found) => Ok(found),
        Err(why) => {
            tried.note(way, why);
            Err(tried.failure())
        }
    }
}

async fn in_folders(way: &str, folders: &[PathBuf], tried: &mut Tried) -> Option<Found> {
    let candidates: Vec<PathBuf> =
        folders.iter().map(|folder| folder.join(EXECUTABLE)).filter(|path| path.is_file()).collect();
    if candidates.is_empty() {
        let looked = folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ");
        let looked = if looked.is_empty() { "empty".to_owned() } else { format!("no `{EXECUTABLE}` in {looked}") };
        tried.note(way, looked);
    }
    for path in candidates {
        match ask(&path).await {
            Ok(found) => return Some(found),
            Err(why) => tried.note(format!("{way}, {}", path.display()), why),
        }
    }
    None
}

/// Asks an executable whether it is the CLI, and new enough.
async fn ask(path: &Path) -> Result<Found, String> {
    let mut command = Command::new(path);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    let answer = timeout(ASK_WITHIN, command.output()).await;
    let answer = answer.map_err(|_| format!("it did not answer `--version` within {} s", ASK_WITHIN.as_secs()))?;
    let answer = answer.map_err(|error| format!("it does not start: {error}"))?;
    let said = String::from_utf8_lossy(&answer.stdout);
    let said = text::line(said.lines().next().unwrap_or_default()).into_owned();
    if !answer.status.success() || !said.starts_with("temporal version") {
        return Err(format!("it does not answer `--version` as the Temporal CLI does ({}: `{said}`)", answer.status));
    }
    let (major, minor) = OLDEST_SERVER;
    match server_version(&said) {
        Some(version) if version >= OLDEST_SERVER => Ok(Found { path: path.to_owned(), version: said }),
        Some(_) => Err(format!("too old, server {major}.{minor} is the least: `{said}`")),
        None => Err(format!("it does not say which server it holds: `{said}`")),
    }
}

/// `temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)` holds server 1.29.
fn server_version(said: &str) -> Option<(u32, u32)> {
    let (_, rest) = said.split_once("Server ")?;
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// `go install` into the cache, by one process at a time.
async fn install(places: &Places, cache: &Path, tell: &mut dyn FnMut(&str)) -> Result<Found, String> {
    let go = places.path.iter().map(|folder| folder.join("go")).find(|path| path.is_file());
    let go = go.ok_or("Go is not on PATH")?;
    fs::create_dir_all(cache).map_err(|error| format!("cannot make {}: {error}", cache.display()))?;
    let _turn = turn(cache, tell).await?;
    let installed = cache.join(EXECUTABLE);
    if let Ok(found) = ask(&installed).await {
        // Another process made it while this one waited for its turn.
        return Ok(found);
    }
    tell(&format!("No Temporal CLI here: building one with Go into {} (once, a few minutes).", cache.display()));
    run_install(&go, cache, tell).await?;
    ask(&installed).await.map_err(|why| format!("it ended well, but {}: {why}", installed.display()))
}

/// Waits until no other process installs into this cache. The lock goes with the file, however we end.
async fn turn(cache: &Path, tell: &mut dyn FnMut(&str)) -> Result<File, String> {
    let path = cache.join(".lock");
    let file = File::create(&path).map_err(|error| format!("cannot make {}: {error}", path.display()))?;
    let deadline = Instant::now() + INSTALL_WITHIN;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::Error(error)) => return Err(format!("cannot lock {}: {error}", path.display())),
            Err(fs::TryLockError::WouldBlock) if Instant::now() > deadline => {
                return Err(format!("another process has held {} for too long", path.display()));
            }
            Err(fs::TryLockError::WouldBlock) => {
                if !told {
                    tell("Another gatewatch is building the Temporal CLI: waiting for it.");
                    told = true;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn run_install(go: &Path, cache: &Path, tell: &mut dyn FnMut(&str)) -> Result<(), String> {
    let package: OsString = format!("{PACKAGE}@{VERSION}").into();
    let mut child = Command::new(go)
        .args(["install".into(), package])
        .env("GOBIN", cache)
        // The module is built as it was released, whatever module or flags surround us.
        .env("GOFLAGS", "")
        .env("GO111MODULE", "on")
        .current_dir(cache)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{} does not start: {error}", go.display()))?;
    let started = Instant::now();
    let mut lines = child.stderr.take().map(|stderr| BufReader::new(stderr).lines());
    let mut last = String::new();
    let mut clock = tokio::time::interval_at(started + INSTALL_TELLS_EVERY, INSTALL_TELLS_EVERY);
    loop {
        tokio::select! {
            line = next_line(&mut lines), if lines.is_some() => match line {
                Some(line) => last = text::line(&line).into_owned(),
                None => lines = None,
            },
            status = child.wait() => {
                let status = status.map_err(|error| error.to_string())?;
                // What it said last, unless somebody it left behind holds the stream open.
                while let Ok(Some(line)) = timeout(LAST_WORDS_WITHIN, next_line(&mut lines)).await {
                    last = text::line(&line).into_owned();
                }
                return if status.success() { Ok(()) } else { Err(format!("{status}: {last}")) };
            }
            _ = clock.tick() => tell(&format!("  still building, {} s: {last}", started.elapsed().as_secs())),
            () = tokio::time::sleep_until(started + INSTALL_WITHIN) => return Err("it took too long".to_owned()),
        }
    }
}

type Lines = tokio::io::Lines<BufReader<tokio::process::ChildStderr>>;

/// The next line; nothing once the stream has ended.
async fn next_line(lines: &mut Option<Lines>) -> Option<String> {
    lines.as_mut()?.next_line().await.ok().flatten()
}
