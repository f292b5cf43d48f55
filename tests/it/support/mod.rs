//! What tests stand on: a real Temporal server that dies with them, names nobody else uses, waiting on conditions.

pub(crate) mod hook;
pub(crate) mod nats;
pub(crate) mod postgres;
pub(crate) mod schema;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gatewatch::config::settings;
use gatewatch::devstack::child::Launcher;
use gatewatch::devstack::finder::{self, Places};
use gatewatch::devstack::server::{Server, ServerOptions};
use gatewatch::devstack::tell;
use rustix::process::{Pid, Signal, kill_process};

/// The executable under test.
pub(crate) const GATEWATCH: &str = env!("CARGO_BIN_EXE_gatewatch");

/// Where every condition gives up, unless the test knows better: a loaded machine is slow, a broken one is slower.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Namespaces are made when the server starts, because only then do they get the search attributes at once.
const NAMESPACES: usize = 32;

/// The Temporal CLI, found as the program finds it.
pub(crate) fn temporal_cli() -> PathBuf {
    static CLI: OnceLock<PathBuf> = OnceLock::new();
    CLI.get_or_init(|| {
        apart(async || {
            let found = finder::find(&Places::of_this_machine(), &mut tell::to_stderr).await;
            found.unwrap_or_else(|failure| panic!("{failure}")).path
        })
    })
    .clone()
}

/// The one server of this test process, shared by its tests. It has the `default` namespace and those that
/// [`namespace`] hands out.
pub(crate) fn server() -> &'static Server {
    static SERVER: OnceLock<(Server, tempfile::TempDir)> = OnceLock::new();
    let (server, _folder) = SERVER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let options = ServerOptions {
            cli: temporal_cli(),
            database: folder.path().join("temporal.db"),
            listen: None,
            namespaces: (0..NAMESPACES).map(namespace_name).collect(),
        };
        let launcher = launcher(folder.path());
        (apart(async move || Server::start(&launcher, options).await.unwrap()), folder)
    });
    server
}

/// A server that a test may kill.
pub(crate) struct OwnServer {
    server: Server,
    _folder: tempfile::TempDir,
}

impl OwnServer {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = ServerOptions {
            cli: temporal_cli(),
            database: folder.path().join("temporal.db"),
            listen: None,
            namespaces: Vec::new(),
        };
        let server = Server::start(&launcher(folder.path()), options).await.unwrap();
        Self { server, _folder: folder }
    }

    pub(crate) fn temporal(&self) -> settings::Temporal {
        let mut temporal = self.server.settings("default").unwrap();
        temporal.task_queue = unique("queue");
        temporal
    }

    pub(crate) fn send(&self, signal: Signal) {
        let pid = i32::try_from(self.server.pid().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Stands still from now on: the signal alone reaches its threads one after the other, and one may still answer.
    pub(crate) async fn freeze(&self) {
        self.send(Signal::STOP);
        let tasks = format!("/proc/{}/task", self.server.pid().unwrap());
        let stands = |task: std::io::Result<std::fs::DirEntry>| {
            let stat = std::fs::read_to_string(task.unwrap().path().join("stat"));
            // A thread that has ended meanwhile answers nobody either.
            stat.map_or(true, |stat| stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" T ")))
        };
        let all = async || std::fs::read_dir(&tasks).unwrap().all(stands).then_some(());
        wait_until("the server stands still", PATIENCE, all).await;
    }

    /// `kill -9`.
    pub(crate) fn kill(&self) {
        self.send(Signal::KILL);
    }

    pub(crate) fn address(&self) -> String {
        self.server.address().to_string()
    }

    pub(crate) async fn resume(&mut self) {
        self.server.resume().await.unwrap();
    }
}

/// A launcher of the executable under test, which keeps its logs in this folder.
pub(crate) fn launcher(folder: impl Into<PathBuf>) -> Launcher {
    Launcher::new(GATEWATCH, folder).unwrap()
}

/// Settings for the `default` namespace of [`server`], with a task queue of one's own.
pub(crate) fn temporal() -> settings::Temporal {
    in_namespace("default")
}

/// Settings for a namespace of [`server`] that no other test of this process sees: for tests of lists and counts.
pub(crate) fn namespace() -> settings::Temporal {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let index = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!(index < NAMESPACES, "more tests want a namespace of their own than there are: raise NAMESPACES");
    in_namespace(&namespace_name(index))
}

/// A namespace of [`server`] as somebody else's cluster has it: without our search attributes.
pub(crate) async fn bare_namespace() -> settings::Temporal {
    let name = unique("bare");
    let address = server().address().to_string();
    let mut create = tokio::process::Command::new(temporal_cli());
    create.args(["operator", "namespace", "create", "--namespace", &name, "--address", &address]);
    let created = create.output().await.unwrap();
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    in_namespace(&name)
}

fn in_namespace(name: &str) -> settings::Temporal {
    let mut settings = server().settings(name).unwrap();
    settings.task_queue = unique("queue");
    settings
}

fn namespace_name(index: usize) -> String {
    format!("test-{index}")
}

/// A name that no other test uses, in this process or another.
pub(crate) fn unique(prefix: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{prefix}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Waits until `probe` answers with something. `what` completes the sentence "waited in vain until ...".
pub(crate) async fn wait_until<T>(what: &str, within: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {within:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Runs async work on a runtime of its own, whatever runtime the caller is in.
fn apart<T: Send + 'static>(work: impl AsyncFnOnce() -> T + Send + 'static) -> T {
    std::thread::spawn(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work()))
        .join()
        .unwrap()
}
