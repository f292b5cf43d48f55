//! The Temporal server: started on a file, killed, brought back where it was.

use std::process::Command;

use gatewatch::contracts::temporal::names::attribute;
use gatewatch::devstack::server::{Server, ServerOptions};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{launcher, namespace, server, temporal, temporal_cli, unique};

fn cli(server: &Server, args: &[&str]) -> String {
    let address = server.address().to_string();
    let output = Command::new(temporal_cli()).args(args).args(["--address", &address]).output().unwrap();
    assert!(output.status.success(), "temporal {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_killed_server_comes_back_on_the_same_port_with_its_workflows_and_attributes() {
    let folder = tempfile::tempdir().unwrap();
    let options = ServerOptions {
        cli: temporal_cli(),
        database: folder.path().join("temporal.db"),
        listen: None,
        namespaces: vec!["shop".to_owned()],
    };
    let mut server = Server::start(&launcher(folder.path()), options).await.unwrap();
    let (address, id) = (server.address(), unique("kept"));
    let start = ["workflow", "start", "--namespace", "shop", "--type", "Any", "--task-queue", "nobody"];
    cli(&server, &[&start[..], &["--workflow-id", &id, "--search-attribute", "phase=\"waiting\""]].concat());

    kill_process(Pid::from_raw(server.pid().unwrap().cast_signed()).unwrap(), Signal::KILL).unwrap();
    server.resume().await.unwrap();

    assert_eq!(server.address(), address);
    let found = cli(&server, &["workflow", "list", "--namespace", "shop", "--query", "phase = 'waiting'"]);
    assert!(found.contains(&id), "{found}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_shared_server_has_every_attribute_in_namespaces_that_do_not_see_each_other() {
    let (one, other) = (namespace(), namespace());
    assert_ne!(one.namespace, other.namespace);
    assert_ne!(one.task_queue, temporal().task_queue);
    let attributes = cli(server(), &["operator", "search-attribute", "list", "--namespace", &one.namespace]);
    for (name, _) in attribute::ALL {
        assert!(attributes.lines().any(|line| line.trim_start().starts_with(name)), "{name} is not in\n{attributes}");
    }
    let id = unique("apart");
    let start = ["workflow", "start", "--type", "Any", "--workflow-id", &id, "--task-queue", &one.task_queue];
    cli(server(), &[&start[..], &["--namespace", &one.namespace]].concat());
    assert!(!cli(server(), &["workflow", "list", "--namespace", &other.namespace]).contains(&id));
}
