//! The audit trail of one person's machine: what was asked, of what, by whom, and what became of it. One JSON object a
//! line; each line carries the hash of the one before, so that a line changed, taken out or put in shows. Lines cut
//! off the end do not show: for that, compare with the workflows' own history.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::contracts::actor::Actor;
use crate::contracts::clock::Timestamp;
use crate::contracts::failure::Failure;
use crate::contracts::mutation::{Cluster, Done, Mutation};
use crate::gateway::connect;

/// What the first line has for the hash of the one before.
const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const HEAD: &str = "{\"hash\":\"";
const MIDDLE: &str = "\",\"entry\":";
const TAIL: &str = "}";
const HASH: usize = 64;
/// Whoever holds the trail longer is stopped or stuck: a line takes milliseconds.
const LOCKED: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_millis(5);

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub seq: u64,
    pub at: Timestamp,
    pub previous: String,
    pub actor: Actor,
    pub cluster: Cluster,
    /// Names the intent: the same on every line about it.
    pub id: String,
    pub stage: Stage,
}

/// Where an intent stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "stage")]
pub enum Stage {
    /// Written before anything is sent.
    Asked {
        name: String,
        mutation: Mutation,
    },
    Done {
        result: Done,
    },
    Failed {
        failure: Failure,
    },
}

/// What a line is about; the rest is added when it is written.
#[derive(Clone, Debug)]
pub struct Record {
    pub actor: Actor,
    pub cluster: Cluster,
    pub id: String,
    pub stage: Stage,
}

/// Why a trail is not whole.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    #[error("the audit trail {path} cannot be read: {error}")]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("line {line} of the audit trail {path} {why}")]
    Line { path: PathBuf, line: usize, why: &'static str },
}

/// Appends a line and waits until it is on the disk. Several processes may write one trail; one that keeps it locked is
/// waited for no longer than a second, and then nothing is written.
pub fn append(path: &Path, record: Record) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // Released when the file is closed, however this ends.
    lock(&file)?;
    let last = last_line(&mut file)?;
    let (seq, previous) = match &last {
        None => (1, BEGINNING.to_owned()),
        Some(line) => match parse(line) {
            Some((hash, _, entry)) => (entry.seq + 1, hash.to_owned()),
            // Somebody died while writing: the trail goes on, and checking it shows where.
            None => (1, hash_of("", line)),
        },
    };
    let Record { actor, cluster, id, stage } = record;
    let entry = Entry { seq, at: connect::now(), previous, actor, cluster, id, stage };
    let text = serde_json::to_string(&entry)?;
    let torn = if last.as_deref().is_some_and(|line| !line.ends_with('\n')) { "\n" } else { "" };
    let hash = hash_of(&entry.previous, &text);
    file.write_all(format!("{torn}{HEAD}{hash}{MIDDLE}{text}{TAIL}\n").as_bytes())?;
    file.sync_data()
}

fn lock(file: &File) -> io::Result<()> {
    let until = Instant::now() + LOCKED;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(AGAIN),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "another gatewatch keeps it locked"));
            }
        }
    }
}

/// Reads a whole trail; the first line that does not fit is an error. No file is an empty trail.
pub fn verify(path: &Path) -> Result<Vec<Entry>, Broken> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Broken::Unreadable { path: path.to_owned(), error }),
    };
    let (mut entries, mut previous, mut seq) = (Vec::new(), BEGINNING.to_owned(), 1);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let wrong = |why| Broken::Line { path: path.to_owned(), line: index + 1, why };
        let (hash, body, entry) = parse(line).ok_or_else(|| wrong("is not a line of an audit trail"))?;
        if entry.previous != previous || entry.seq != seq {
            return Err(wrong("does not follow the line before it"));
        }
        if hash_of(&previous, body) != hash {
            return Err(wrong("was changed after it was written"));
        }
        (previous, seq) = (hash.to_owned(), seq + 1);
        entries.push(entry);
    }
    Ok(entries)
}

/// Hash, the entry as it was written, the entry. The text is sliced, not parsed and printed again: what was hashed is
/// what stands there.
fn parse(line: &str) -> Option<(&str, &str, Entry)> {
    let rest = line.strip_suffix('\n')?.strip_prefix(HEAD)?;
    let (hash, rest) = rest.split_at_checked(HASH)?;
    let body = rest.strip_prefix(MIDDLE)?.strip_suffix(TAIL)?;
    Some((hash, body, serde_json::from_str(body).ok()?))
}

fn hash_of(previous: &str, text: &str) -> String {
    format!("{:x}", Sha256::new().chain_update(previous).chain_update(text).finalize())
}

/// The last line with its end, however long it is.
fn last_line(file: &mut File) -> io::Result<Option<String>> {
    let length = file.seek(SeekFrom::End(0))?;
    if length == 0 {
        return Ok(None);
    }
    let mut size = 8 * 1024;
    loop {
        let from = length.saturating_sub(size);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(length - from).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let inner = text.strip_suffix('\n').unwrap_or(&text);
        match inner.rfind('\n') {
            Some(end) => return Ok(Some(text[end + 1..].to_owned())),
            None if from == 0 => return Ok(Some(text.into_owned())),
            None => size *= 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Record, Stage, append, verify};
    use crate::contracts::actor::{Actor, Via};
    use crate::contracts::mutation::{Cluster, Done, Mutation, Signal, Target};
    use serde_json::json;
    use std::fs;
    use std::path::Path;

    fn record(name: &str) -> Record {
        let target = Target { workflow_id: name.into(), request_id: "r".into() };
        let args = vec![json!({ "rate": 0.1, "text": "ü\n\"}" })];
        let mutation = Mutation::Signal(Signal { target, run_id: None, name: name.to_owned(), args });
        Record {
            actor: Actor::new("mira", Via::Console),
            cluster: Cluster { profile: "p".to_owned(), address: "a:1".to_owned(), namespace: "n".to_owned() },
            id: "r".to_owned(),
            stage: Stage::Asked { name: "signal".to_owned(), mutation },
        }
    }

    fn trail(folder: &Path, names: &[&str]) -> std::path::PathBuf {
        let path = folder.join("state/audit.jsonl");
        for name in names {
            append(&path, record(name)).unwrap();
        }
        path
    }

    #[test]
    fn what_is_written_can_be_read_and_proved() {
        let folder = tempfile::tempdir().unwrap();
        let long = "x".repeat(100_000);
        let path = trail(folder.path(), &["a", &long, "c"]);
        let done = Stage::Done { result: Done::Signalled { seen_at: None } };
        append(&path, Record { stage: done.clone(), ..record("") }).unwrap();
        let entries = verify(&path).unwrap();
        assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(entries[3].stage, done);
        assert_eq!(entries[0].stage, record("a").stage);
        assert!(verify(&folder.path().join("none")).unwrap().is_empty());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_changed_a_missing_and_a_foreign_line_show() {
        let folder = tempfile::tempdir().unwrap();
        let path = trail(folder.path(), &["a", "b", "c"]);
        let whole = fs::read_to_string(&path).unwrap();
        let broken = |text: &str| {
            fs::write(&path, text).unwrap();
            verify(&path).unwrap_err().to_string()
        };
        assert!(broken(&whole.replace("mira", "dora")).contains("line 1 of"), "an actor was changed");
        assert!(broken(&whole.replacen("\"b\"", "\"x\"", 1)).contains("line 2 of"));
        let without: String = whole.split_inclusive('\n').filter(|line| !line.contains("\"b\"")).collect();
        assert!(broken(&without).contains("line 2 of"));
        let swapped: String = whole.split_inclusive('\n').rev().collect();
        assert!(broken(&swapped).contains("line 1 of"));
        assert!(broken(&format!("{whole}{{}}\n")).contains("line 4 of"));
        assert!(broken(&whole[..whole.len() - 10]).contains("line 3 of"), "a torn line");
        append(&path, record("d")).unwrap();
        assert!(verify(&path).unwrap_err().to_string().contains("line 3 of"), "it stays visible");
    }

    #[test]
    fn several_writers_make_one_chain() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10).for_each(|_| append(&path, record("x")).unwrap()));
            }
        });
        assert_eq!(verify(&path).unwrap().len(), 40);
    }
}
