//! The floor of "workflows on screen": connect, list one page, print the first id. No terminal, nothing of ours.

use std::io::Write as _;

use anyhow::Context as _;
use temporalio_client::grpc::WorkflowService as _;
use temporalio_client::tonic::IntoRequest as _;
use temporalio_client::{Client, ClientOptions, ConnectionOptions, Url};
use temporalio_common::protos::temporal::api::workflowservice::v1::ListWorkflowExecutionsRequest;

const PAGE: i32 = 50;

pub(crate) fn run(address: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let connection = ConnectionOptions::new(Url::parse(address)?).identity("bare").build();
        let mut client = Client::connect(connection, ClientOptions::new("default").build()).await?;
        let request = ListWorkflowExecutionsRequest {
            namespace: "default".into(),
            page_size: PAGE,
            ..ListWorkflowExecutionsRequest::default()
        };
        let page = client.list_workflow_executions(request.into_request()).await?.into_inner();
        let first = page.executions.first().and_then(|row| row.execution.as_ref()).context("no workflows")?;
        writeln!(std::io::stdout(), "{}", first.workflow_id)?;
        // The measuring side reads resident memory before this ends.
        std::io::stdin().read_line(&mut String::new())?;
        Ok(())
    })
}
