//! A rehearsal of Temporal's frontend, not a Temporal server: it answers from memory what the console asks about a list
//! of 100,000 workflows. Starting so many for real would take longer than everything else here together.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};
use prost::Message;
use prost::bytes::{BufMut as _, Bytes, BytesMut};
use temporalio_common::protos::temporal::api::common::v1::{Payload, WorkflowExecution, WorkflowType};
use temporalio_common::protos::temporal::api::workflow::v1::WorkflowExecutionInfo;
use temporalio_common::protos::temporal::api::workflowservice::v1::count_workflow_executions_response::AggregationGroup;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    CountWorkflowExecutionsResponse, DescribeTaskQueueResponse, GetSystemInfoResponse, ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

pub(crate) const WORKFLOWS: usize = 100_000;
pub(crate) const NEWEST: &str = "rehearsal-000000";

/// The frontend, for as long as it is kept.
pub(crate) struct Frontend {
    pub(crate) address: String,
    _runtime: Runtime,
}

impl Frontend {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))?;
        let address = format!("http://{}", listener.local_addr()?);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        Ok(Self { address, _runtime: runtime })
    }
}

async fn serve(stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(call) = connection.accept().await {
        let (request, respond) = call?;
        tokio::spawn(answer(request, respond));
    }
    Ok(())
}

/// One unary call of gRPC: a message with five bytes before it in each direction, the status in the trailers.
async fn answer(request: Request<h2::RecvStream>, mut respond: SendResponse<Bytes>) -> anyhow::Result<()> {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let mut body = request.into_body();
    let mut message = BytesMut::new();
    while let Some(part) = body.data().await {
        let part = part?;
        body.flow_control().release_capacity(part.len())?;
        message.extend_from_slice(&part);
    }
    // The first byte says whether the message is compressed. A client that hears no to that goes on without.
    let plain = message.first() == Some(&0);
    let answer = if plain { answer_to(&method, message.get(5..).unwrap_or_default())? } else { None };
    let head = Response::builder().header("content-type", "application/grpc").body(())?;
    let mut stream = respond.send_response(head, false)?;
    let mut trailers = HeaderMap::new();
    if let Some(answer) = answer {
        let mut framed = BytesMut::with_capacity(answer.len() + 5);
        framed.put_u8(0);
        framed.put_u32(u32::try_from(answer.len())?);
        framed.extend_from_slice(&answer);
        stream.send_data(framed.freeze(), false)?;
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
    } else {
        // Unimplemented.
        trailers.insert("grpc-status", HeaderValue::from_static("12"));
        trailers.insert("grpc-message", HeaderValue::from_static("nothing here to decompress or do that with"));
    }
    Ok(stream.send_trailers(trailers)?)
}

fn answer_to(method: &str, message: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    Ok(match method {
        "GetSystemInfo" => Some(GetSystemInfoResponse::default().encode_to_vec()),
        "DescribeTaskQueue" => Some(DescribeTaskQueueResponse::default().encode_to_vec()),
        "CountWorkflowExecutions" => Some(count()?.encode_to_vec()),
        "ListWorkflowExecutions" => Some(list(&ListWorkflowExecutionsRequest::decode(message)?)?.encode_to_vec()),
        _ => None,
    })
}

fn list(request: &ListWorkflowExecutionsRequest) -> anyhow::Result<ListWorkflowExecutionsResponse> {
    // What a query asks for is gates and deployments. There are none.
    let all = if request.query.is_empty() { WORKFLOWS } else { 0 };
    let from: usize = match request.next_page_token.as_slice() {
        [] => 0,
        token => std::str::from_utf8(token)?.parse()?,
    };
    let to = (from + usize::try_from(request.page_size)?).min(all);
    let next_page_token = if to < all { to.to_string().into_bytes() } else { Vec::new() };
    Ok(ListWorkflowExecutionsResponse { executions: (from..to).map(execution).collect(), next_page_token })
}

fn execution(number: usize) -> WorkflowExecutionInfo {
    let (workflow_id, run_id) = (format!("rehearsal-{number:06}"), format!("00000000-0000-4000-8000-{number:012}"));
    let mut info = WorkflowExecutionInfo {
        execution: Some(WorkflowExecution { workflow_id, run_id }),
        r#type: Some(WorkflowType { name: "RehearsalWorkflow".to_owned() }),
        status: 1,
        history_length: 3,
        task_queue: "rehearsal".to_owned(),
        ..WorkflowExecutionInfo::default()
    };
    // Days old, so that no age turns.
    info.start_time.get_or_insert_default().seconds = 1_700_000_000;
    info
}

fn count() -> anyhow::Result<CountWorkflowExecutionsResponse> {
    let count = i64::try_from(WORKFLOWS).context("more than anybody has")?;
    let running = Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: b"\"Running\"".to_vec(),
        ..Payload::default()
    };
    Ok(CountWorkflowExecutionsResponse { count, groups: vec![AggregationGroup { group_values: vec![running], count }] })
}
