//! A real PostgreSQL server with throw-away data, started once for this test process; absent, a test says so.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use gatewatch::config::settings::Store;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};

use crate::support::{PATIENCE, unique, wait_until};

struct Server {
    port: u16,
    child: Mutex<Child>,
    folder: PathBuf,
    _watcher: Child,
}

/// A database of one's own on a real server; none where PostgreSQL is not installed, which is said, or refused where
/// services must be there. `test` is who will not run.
pub(crate) async fn database(test: &str) -> Option<Store> {
    let Some(server) = server() else {
        assert!(
            std::env::var_os("GATEWATCH_REQUIRE_SERVICES").is_none(),
            "{test} needs PostgreSQL, which is not installed: apt-get install postgresql"
        );
        eprintln!("NOT RUN: {test}: PostgreSQL is not installed");
        return None;
    };
    let name = unique("gatewatch").replace('-', "_");
    let url = |name: &str| format!("postgres://tester@127.0.0.1:{}/{name}", server.port);
    let options: sqlx::postgres::PgConnectOptions = url("postgres").parse().unwrap();
    // It listens a moment before it answers.
    let connect = async || options.connect().await.ok();
    let mut connection = wait_until("PostgreSQL answers", PATIENCE, connect).await;
    connection.execute(sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")))).await.unwrap();
    Some(Store::Postgres(url(&name).into()))
}

fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(|| Some(start(&programs()?))).as_ref()
}

/// Debian keeps `initdb` and `postgres` out of the path.
fn programs() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path().join("bin")).collect();
    folders.sort();
    folders.into_iter().rev().find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

fn start(programs: &Path) -> Server {
    let folder = tempfile::Builder::new().prefix("gatewatch-postgres-").tempdir().unwrap().keep();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    let owner = owner();
    if let Some((user, group)) = owner {
        chown(&folder, Some(user), Some(group)).unwrap();
    }
    let data = folder.join("data");
    let mut init = as_owner(programs.join("initdb"), owner);
    init.args(["--auth=trust", "--username=tester", "--no-sync", "--encoding=UTF8", "--locale=C", "-D"]).arg(&data);
    let made = init.current_dir(&folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut serve = as_owner(programs.join("postgres"), owner);
    serve.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-p", &port.to_string(), "-F", "-k"]).arg(&folder);
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let child = serve.current_dir(&folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let watcher = watch_over(child.id(), &folder);
    let server = Server { port, child: Mutex::new(child), folder, _watcher: watcher };
    let deadline = Instant::now() + Duration::from_secs(30);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = server.child.lock().unwrap().try_wait().unwrap();
        let log = std::fs::read_to_string(server.folder.join("log")).unwrap_or_default();
        assert!(ended.is_none() && Instant::now() < deadline, "PostgreSQL does not come up: {log}");
        std::thread::sleep(Duration::from_millis(50));
    }
    server
}

/// PostgreSQL refuses to run as root: then it is the user that Debian's package has made.
fn owner() -> Option<(u32, u32)> {
    if !rustix::process::getuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let fields: Vec<&str> = users.lines().find(|line| line.starts_with("postgres:"))?.split(':').collect();
    Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
}

fn as_owner(program: PathBuf, owner: Option<(u32, u32)>) -> Command {
    match owner {
        None => Command::new(program),
        Some((user, group)) => {
            let mut command = Command::new("setpriv");
            command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".to_owned()]);
            command.arg(program);
            command
        }
    }
}

/// Ends the server and removes its data when this process is gone, however it goes: the pipe to it closes then. Statics
/// are never dropped.
fn watch_over(server: u32, folder: &Path) -> Child {
    let script = format!("read _; kill -INT {server}; rm -rf -- \"$1\"");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script, "sh"]).arg(folder).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.spawn().unwrap()
}
