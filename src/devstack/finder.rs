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
use tokio::time::{Instant, Interval, timeout};

use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::text;
use crate::devstack::tell::Said;

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
const LOOKS_EVERY: Duration = Duration::from_millis(200);
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);
/// Whoever hears of it as often decides what to keep.
const TELLS_EVERY: Duration = Duration::from_secs(1);

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

/// Why `go install` gave none, and so what to do.
#[derive(Debug)]
enum NotBuilt {
    /// Go itself is not there.
    NoGo,
    /// Another reason; somebody with Go can remove it.
    Because(String),
}

impl From<String> for NotBuilt {
    fn from(why: String) -> Self {
        Self::Because(why)
    }
}

/// What was tried, and why it was not it.
#[derive(Debug, Default)]
struct Tried(Vec<(String, String)>);

impl Tried {
    fn note(&mut self, way: impl Into<String>, why: impl Into<String>) {
        self.0.push((way.into(), why.into()));
    }

    /// `or` is what else would help.
    fn failure(&self, or: &str) -> Failure {
        let mut message = "No Temporal CLI that can run a dev server was found:".to_owned();
        for (way, why) in &self.0 {
            // Writing to a string cannot fail.
            let _ = write!(message, "\n  ✗ {way}: {why}");
        }
        // Aligned with the list above: the hint follows after a space.
        message.push_str("\n ");
        let hint = format!(
            "Install it from https://docs.temporal.io/cli and put it on PATH, or name it in {VARIABLE}, or {or}."
        );
        Failure::new(FailureKind::NotFound, message, hint)
    }
}

/// Who hears how it goes.
type Teller<'a> = dyn FnMut(Said<'_>) + 'a;

/// Finds the CLI. `tell` hears what was passed over, and how far it is with what takes long.
pub async fn find(places: &Places, tell: &mut Teller<'_>) -> Result<Found, Failure> {
    if let Some(path) = &places.chosen {
        return ask(path, tell).await.map_err(|why| {
            let message = format!("{VARIABLE} names {}, which is not it: {why}.", path.display());
            Failure::new(FailureKind::Invalid, message, format!("Correct {VARIABLE}, or unset it to look elsewhere."))
        });
    }
    let mut tried = Tried::default();
    tried.note(format!("${VARIABLE}"), "not set");
    let named = [("PATH", &places.path), ("Go's bin folder", &places.go_bin)];
    for (way, folders) in named {
        if let Some(found) = in_folders(way, folders, &mut tried, tell).await {
            return Ok(found);
        }
    }
    let Some(cache) = &places.cache else {
        tried.note("the cache", "this user has no cache folder: neither XDG_CACHE_HOME nor HOME is set");
        return Err(tried.failure("set HOME, so that one can be built"));
    };
    if let Some(found) = in_folders("the cache", std::slice::from_ref(cache), &mut tried, tell).await {
        return Ok(found);
    }
    let way = format!("go install {PACKAGE}@{VERSION}");
    match install(places, cache, tell).await {
        Ok(found) => Ok(found),
        Err(NotBuilt::NoGo) => {
            tried.note(way, "Go is not on PATH");
            Err(tried.failure("install Go (https://go.dev/dl) and run this again"))
        }
        Err(NotBuilt::Because(why)) => {
            tried.note(way, why);
            Err(tried.failure("remove what stopped `go install`, which needs the network, and run this again"))
        }
    }
}

async fn in_folders(way: &str, folders: &[PathBuf], tried: &mut Tried, tell: &mut Teller<'_>) -> Option<Found> {
    let candidates: Vec<PathBuf> =
        folders.iter().map(|folder| folder.join(EXECUTABLE)).filter(|path| path.is_file()).collect();
    if candidates.is_empty() {
        let looked = folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ");
        let looked = if looked.is_empty() { "empty".to_owned() } else { format!("no `{EXECUTABLE}` in {looked}") };
        tried.note(way, looked);
    }
    for path in candidates {
        match ask(&path, tell).await {
            Ok(found) => return Some(found),
            Err(why) => {
                tell(Said::Line(&format!("{} is passed over: {why}.", path.display())));
                tried.note(format!("{way}, {}", path.display()), why);
            }
        }
    }
    None
}

/// Asks an executable whether it is the CLI, and new enough.
async fn ask(path: &Path, tell: &mut Teller<'_>) -> Result<Found, String> {
    let mut command = Command::new(path);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    let waiting = format!("asking {} for its version", path.display());
    let answer = timeout(ASK_WITHIN, telling(tell, &waiting, command.output())).await;
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

/// Awaits something, and says every second that it goes on.
async fn telling<T>(tell: &mut Teller<'_>, what: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let mut clock = clock();
    let mut seconds = 0;
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = clock.tick() => {
                seconds += 1;
                tell(Said::Passing { seconds, text: what });
            }
        }
    }
}

fn clock() -> Interval {
    tokio::time::interval_at(Instant::now() + TELLS_EVERY, TELLS_EVERY)
}

/// `go install` into the cache, by one process at a time.
async fn install(places: &Places, cache: &Path, tell: &mut Teller<'_>) -> Result<Found, NotBuilt> {
    let go = places.path.iter().map(|folder| folder.join("go")).find(|path| path.is_file());
    let go = go.ok_or(NotBuilt::NoGo)?;
    fs::create_dir_all(cache).map_err(|error| format!("cannot make {}: {error}", cache.display()))?;
    let _turn = turn(cache, tell).await?;
    let installed = cache.join(EXECUTABLE);
    if let Ok(found) = ask(&installed, tell).await {
        // Another process made it while this one waited for its turn.
        return Ok(found);
    }
    let way = format!("building {VERSION} with {} into {}", go.display(), cache.display());
    tell(Said::Line(&format!("There is no Temporal CLI here: {way} (once, a few minutes).")));
    let started = Instant::now();
    let built = run_install(&go, cache, tell).await;
    let outcome = if built.is_ok() { "The Temporal CLI is built" } else { "The Temporal CLI could not be built" };
    tell(Said::Line(&format!("{outcome}, after {} s.", started.elapsed().as_secs())));
    built?;
    let found = ask(&installed, tell).await;
    Ok(found.map_err(|why| format!("it ended well, but {}: {why}", installed.display()))?)
}

/// Waits until no other process installs into this cache. The lock goes with the file, however we end.
async fn turn(cache: &Path, tell: &mut Teller<'_>) -> Result<File, String> {
    let path = cache.join(".lock");
    let file = File::create(&path).map_err(|error| format!("cannot make {}: {error}", path.display()))?;
    let waiting = async {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(fs::TryLockError::Error(error)) => return Err(format!("cannot lock {}: {error}", path.display())),
                Err(fs::TryLockError::WouldBlock) => tokio::time::sleep(LOOKS_EVERY).await,
            }
        }
    };
    let what = "another gatewatch is building the Temporal CLI: waiting for it";
    let turn = timeout(INSTALL_WITHIN, telling(tell, what, waiting)).await;
    turn.map_err(|_| format!("another process has held {} for too long", path.display()))??;
    Ok(file)
}

async fn run_install(go: &Path, cache: &Path, tell: &mut Teller<'_>) -> Result<(), String> {
    let package: OsString = format!("{PACKAGE}@{VERSION}").into();
    let mut child = Command::new(go)
        // It names each package that it compiles: that is how far it is.
        .args(["install".into(), "-v".into(), package])
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
    let deadline = Instant::now() + INSTALL_WITHIN;
    let mut lines = child.stderr.take().map(|stderr| BufReader::new(stderr).lines());
    let (mut said, mut clock, mut seconds) = (GoSaid::default(), clock(), 0);
    loop {
        tokio::select! {
            line = next_line(&mut lines), if lines.is_some() => match line {
                Some(line) => said.hear(&line),
                None => lines = None,
            },
            status = child.wait() => {
                let status = status.map_err(|error| error.to_string())?;
                // What it said last, unless somebody it left behind holds the stream open.
                while let Ok(Some(line)) = timeout(LAST_WORDS_WITHIN, next_line(&mut lines)).await {
                    said.hear(&line);
                }
                return if status.success() { Ok(()) } else { Err(format!("{status}: {}", said.words)) };
            }
            _ = clock.tick() => {
                seconds += 1;
                tell(Said::Passing { seconds, text: &said.progress() });
            }
            () = tokio::time::sleep_until(deadline) => return Err("it took too long".to_owned()),
        }
    }
}

/// What `go install -v` has said so far.
#[derive(Debug, Default)]
struct GoSaid {
    n_packages: u32,
    last: String,
    /// The last line that is no package: downloads, and what went wrong.
    words: String,
}

impl GoSaid {
    fn hear(&mut self, line: &str) {
        text::line(line).trim().clone_into(&mut self.last);
        if self.last.contains(' ') {
            self.words.clone_from(&self.last);
        } else {
            self.n_packages += 1;
        }
    }

    fn progress(&self) -> String {
        match self.n_packages {
            0 if self.last.is_empty() => "go install has said nothing yet".to_owned(),
            0 => self.last.clone(),
            n_packages => format!("{n_packages} packages compiled, now {}", self.last),
        }
    }
}

type Lines = tokio::io::Lines<BufReader<tokio::process::ChildStderr>>;

/// The next line; nothing once the stream has ended.
async fn next_line(lines: &mut Option<Lines>) -> Option<String> {
    lines.as_mut()?.next_line().await.ok().flatten()
}
