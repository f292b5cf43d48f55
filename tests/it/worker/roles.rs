//! The roles of the headless process, and the ways to configure it: flags, variables, a profile of `temporal.toml`.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};

use crate::support;
use crate::worker::{WORKER, free_port, get, terminate};

/// Arguments, variables, the exit code, and what standard error must say.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], i32, &'a str);

fn process(home: &std::path::Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(WORKER);
    command.args(arguments).env_clear().env("HOME", home).envs(variables.iter().copied()).current_dir(home);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

fn start(mut command: Command) -> Child {
    command.spawn().unwrap()
}

async fn until_ready(at: std::net::SocketAddr) -> String {
    support::wait_until(&format!("{at} is ready"), Duration::from_mins(1), async || {
        get(at, "/readyz").await.filter(|(status, _)| *status == 200).map(|(_, body)| body)
    })
    .await
}

fn assert_json_lines(log: &str) {
    assert!(!log.is_empty());
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(event["level"].is_string() && event["timestamp"].is_string(), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_alone_answers_counts_and_logs_json() {
    let home = tempfile::tempdir().unwrap();
    let (temporal, listen) = (support::temporal(), free_port());
    let (host, at) = (temporal.cluster().address, listen.to_string());
    let arguments = ["coordinator", "--host", &host, "--coordinator-listen", &at, "--log-format", "json"];
    let child = start(process(home.path(), &arguments, &[]));
    until_ready(listen).await;
    assert_eq!(get(listen, "/healthz").await.unwrap().0, 200);
    assert_eq!(get(listen, "/v1/gates").await.unwrap().0, 401, "nobody may ask without a token");
    let (status, metrics) = get(listen, "/metrics").await.unwrap();
    assert!(status == 200 && metrics.contains("# TYPE gatewatch_"), "{metrics}");
    let (_, document) = get(listen, "/openapi.json").await.unwrap();
    assert!(serde_json::from_str::<Value>(&document).unwrap()["paths"]["/v1/decisions"].is_object(), "{document}");
    let (code, _, log) = terminate(child).await;
    assert_eq!(code, Some(0), "{log}");
    assert_json_lines(&log);
}

/// What the process holds in memory, in MB.
#[cfg(target_os = "linux")]
fn resident(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// What the coordinator holds for each connection it holds hundreds of times.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_connections_cost_the_coordinator_little() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let home = tempfile::tempdir().unwrap();
    let (temporal, listen) = (support::temporal(), free_port());
    let (host, at) = (temporal.cluster().address, listen.to_string());
    let child = start(process(home.path(), &["coordinator", "--host", &host, "--coordinator-listen", &at], &[]));
    until_ready(listen).await;
    let (before, mut open) = (resident(&child), Vec::new());
    for _ in 0..300 {
        let mut connection = tokio::net::TcpStream::connect(listen).await.unwrap();
        connection.write_all(b"GET /healthz HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
        assert!(connection.read(&mut [0; 512]).await.unwrap() > 0);
        open.push(connection);
    }
    let more = resident(&child).saturating_sub(before);
    assert!(more < 100, "{more} MB for {} connections", open.len());
    let (code, _, log) = terminate(child).await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_in_one_process_from_a_profile_and_variables() {
    let home = tempfile::tempdir().unwrap();
    let (temporal, worker, coordinator) = (support::temporal(), free_port(), free_port());
    let profile = format!("[profile.shop]\naddress = \"{}\"\nnamespace = \"default\"\n", temporal.cluster().address);
    std::fs::write(home.path().join("temporal.toml"), profile).unwrap();
    let variables = [
        ("TEMPORAL_CONFIG_FILE", "temporal.toml"),
        ("TEMPORAL_PROFILE", "shop"),
        ("TEMPORAL_TASK_QUEUE", &temporal.task_queue),
        ("GATEWATCH_WORKER_LISTEN", &worker.to_string()),
        ("GATEWATCH_COORDINATOR_LISTEN", &coordinator.to_string()),
        ("GATEWATCH_WORKER_DRAIN", "1s"),
    ];
    // No role is both.
    let child = start(process(home.path(), &[], &variables));
    let readiness: Value = serde_json::from_str(&until_ready(worker).await).unwrap();
    assert_eq!(readiness["workers"][0]["is"], "polling", "{readiness}");
    until_ready(coordinator).await;
    let queue = format!("task_queue=\"{}\"", temporal.task_queue);
    support::wait_until("the SDK counts its pollers of that queue", support::PATIENCE, async || {
        get(worker, "/metrics").await.filter(|(_, text)| text.contains(&queue))
    })
    .await;
    let (code, _, log) = terminate(child).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(serde_json::from_str::<Value>(log.lines().next().unwrap()).is_err(), "text is the default: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_are_2_and_a_taken_address_is_1() {
    let home = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let cases: [Case<'_>; 6] = [
        (&["worker", "--address", ":::x"], &[], 2, "flag --address:"),
        (&["worker", "--profile", "prod"], &[], 2, "There is no profile `prod`"),
        (&["worker", "--workers", "0"], &[], 2, "between 1 and 64"),
        (&["all", "--address", "http://10.0.0.1:7233"], &[("TEMPORAL_API_KEY", "sesame")], 2, "in clear"),
        (&["werker"], &[], 2, "a similar subcommand exists: 'worker'"),
        (&["coordinator", "--address", "127.0.0.1:1", "--coordinator-listen", &at], &[], 1, &at),
    ];
    for (arguments, variables, code, words) in cases {
        let output = process(home.path(), arguments, variables).output();
        let output = tokio::time::timeout(support::PATIENCE, output).await.expect("it hangs").unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words) && !said.contains("sesame"), "{arguments:?}: {said}");
    }
    let help = process(home.path(), &["--help"], &[]).output().await.unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(help.contains("Example:\n  gatewatch-worker all") && help.contains("Exit codes:"), "{help}");
}
