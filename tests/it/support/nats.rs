//! A real nats-server with JetStream and throw-away data, one for each test, which may kill it; absent, a test says so.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;

use async_nats::jetstream::{self, Context};
use gatewatch::config::settings::{Nats, NatsLogin};
use tokio::process::{Child, Command};

use crate::support::{PATIENCE, wait_until};

pub(crate) const TOKEN: &str = "token-of-nats";
pub(crate) const STREAM: &str = "AGENT_ANSWERS";
pub(crate) const SUBJECT: &str = "agents.answers";
pub(crate) const REFUSED: &str = "agents.refused";

pub(crate) struct Server {
    program: PathBuf,
    port: u16,
    folder: tempfile::TempDir,
    child: Child,
}

impl Server {
    /// None where nats-server is not installed, which is said, or refused where services must be there. `test` is who
    /// will not run.
    pub(crate) async fn start(test: &str) -> Option<Self> {
        let Some(program) = program() else {
            assert!(
                std::env::var_os("GATEWATCH_REQUIRE_SERVICES").is_none(),
                "{test} needs NATS, which is not installed: apt-get install nats-server"
            );
            eprintln!("NOT RUN: {test}: nats-server is not installed");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let child = serve(&program, port, &folder);
        let server = Self { program, port, folder, child };
        server.client().await;
        Some(server)
    }

    /// `kill -9`.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// On the same port, with what it had kept.
    pub(crate) fn resume(&mut self) {
        self.child = serve(&self.program, self.port, &self.folder);
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// As somebody who sends answers has it; waits until it answers.
    pub(crate) async fn client(&self) -> async_nats::Client {
        let connect = async || {
            let options = async_nats::ConnectOptions::with_token(TOKEN.to_owned());
            options.connect(self.url()).await.ok()
        };
        wait_until("NATS answers", PATIENCE, connect).await
    }

    /// What a coordinator takes from it.
    pub(crate) fn settings(&self, account: &str) -> Nats {
        Nats {
            url: self.url().parse().unwrap(),
            login: Some(NatsLogin::Token(TOKEN.into())),
            stream: STREAM.to_owned(),
            consumer: "gatewatch".to_owned(),
            subject: SUBJECT.to_owned(),
            refused_subject: Some(REFUSED.to_owned()),
            account: account.to_owned(),
        }
    }
}

/// Keeps a message durably.
pub(crate) async fn publish(context: &Context, body: impl Into<Vec<u8>>) {
    context.publish(SUBJECT, body.into().into()).await.unwrap().await.unwrap();
}

/// How many messages nobody has acknowledged yet.
pub(crate) async fn left(context: &Context) -> Option<u64> {
    let stream: jetstream::stream::Stream = context.get_stream(STREAM).await.ok()?;
    Some(stream.get_info().await.ok()?.state.messages)
}

fn serve(program: &PathBuf, port: u16, folder: &tempfile::TempDir) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.path().join("log")).unwrap();
    let mut server = Command::new(program);
    server.args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "--auth", TOKEN, "-sd"]).arg(folder.path());
    server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true).spawn().unwrap()
}

/// Debian keeps it out of a user's path.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    folders.into_iter().map(|folder| folder.join("nats-server")).find(|program| program.exists())
}
