//! What `doctor` and the frame ask: who polls a queue, what the server is, which search attributes are missing.

use std::collections::BTreeSet;
use std::time::Duration;

use temporalio_client::grpc::{OperatorService as _, WorkflowService as _};
use temporalio_common::protos::temporal::api::enums::v1::{IndexedValueType, TaskQueueType};
use temporalio_common::protos::temporal::api::operatorservice::v1::{
    AddSearchAttributesRequest, ListSearchAttributesRequest,
};
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    DescribeTaskQueueRequest, GetClusterInfoRequest, GetSystemInfoRequest,
};
use tokio::time::sleep;

use crate::contracts::clock::Timestamp;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::link::{Pollers, ServerInfo};
use crate::contracts::temporal::names::{AttributeKind, attribute};
use crate::contracts::text;
use crate::gateway::{Call, Gateway, connect, rows};

/// A worker asks for work at least once a minute; one that has not asked for longer is gone, though the server
/// remembers it for five.
const POLL: Duration = Duration::from_secs(75);
/// How often, and how many times, it is looked whether the server knows an attribute it was just told.
const LOOK: Duration = Duration::from_millis(200);
const LOOKS: u32 = 50;

/// A search attribute that should be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: &'static str,
    pub kind: AttributeKind,
}

impl Gateway {
    /// Which workers poll a queue for workflow tasks.
    pub async fn pollers(&self, queue: &str) -> Result<Pollers, Failure> {
        let request = DescribeTaskQueueRequest {
            namespace: self.namespace(),
            task_queue: Some(TaskQueue { name: text::original(queue).into_owned(), ..TaskQueue::default() }),
            task_queue_type: TaskQueueType::Workflow.into(),
            ..DescribeTaskQueueRequest::default()
        };
        let what = format!("see who polls queue {queue}");
        let answer =
            self.call(Call::read(&what), request, |mut client, request| async move {
                client.describe_task_queue(request).await
            })
            .await?;
        let oldest = connect::now().minus(POLL.into());
        let alive = answer.pollers.iter().filter_map(|poller| {
            let polled = poller.last_access_time.as_ref()?;
            let polled_at = rows::timestamp(polled.seconds, polled.nanos).filter(|at| *at >= oldest)?;
            Some((poller.identity.as_str(), polled_at))
        });
        let (workers, times): (BTreeSet<&str>, BTreeSet<Timestamp>) = alive.unzip();
        Ok(Pollers { count: u32::try_from(workers.len()).unwrap_or(u32::MAX), polled_at: times.last().copied() })
    }

    /// Attributes of [`attribute::ALL`] that the namespace lacks. One that is there as another kind is a conflict.
    pub async fn missing_attributes(&self) -> Result<Vec<Attribute>, Failure> {
        let request = ListSearchAttributesRequest { namespace: self.namespace() };
        let answer = self
            .call(Call::read("list search attributes"), request, |mut client, request| async move {
                client.list_search_attributes(request).await
            })
            .await?;
        let mut missing = Vec::new();
        for (name, kind) in attribute::ALL {
            match answer.custom_attributes.get(name) {
                None => missing.push(Attribute { name, kind }),
                Some(there) if *there == i32::from(indexed(kind)) => {}
                Some(there) => return Err(other_kind(name, kind, *there)),
            }
        }
        Ok(missing)
    }

    /// Why phases and gates cannot be read here, if so; nothing where the server does not tell.
    pub async fn unreadable(&self) -> Option<Failure> {
        match self.missing_attributes().await {
            Ok(missing) => self.lacking(&missing),
            Err(failure) if failure.kind == FailureKind::Conflict => Some(failure),
            // Who may not ask, or gets no answer, hears of that where it matters.
            Err(_) => None,
        }
    }

    /// What it means that attributes are missing, and what to do; nothing when none is.
    pub fn lacking(&self, missing: &[Attribute]) -> Option<Failure> {
        if missing.is_empty() {
            return None;
        }
        let names: Vec<&str> = missing.iter().map(|attribute| attribute.name).collect();
        let namespace = text::line(&self.namespace()).into_owned();
        Some(Failure::new(
            FailureKind::Invalid,
            format!("Namespace {namespace} lacks search attributes that phases and gates need: {}.", names.join(", ")),
            "`gatewatch doctor --fix` registers them.",
        ))
    }

    /// Registers what is missing, waits until the server knows it, and says what that was.
    pub async fn register_attributes(&self) -> Result<Vec<Attribute>, Failure> {
        let missing = self.missing_attributes().await?;
        if missing.is_empty() {
            return Ok(missing);
        }
        let wanted = missing.iter().map(|wanted| (wanted.name.to_owned(), indexed(wanted.kind).into()));
        let request = AddSearchAttributesRequest { namespace: self.namespace(), search_attributes: wanted.collect() };
        self.call(Call::long_read("register search attributes"), request, |mut client, request| async move {
            client.add_search_attributes(request).await
        })
        .await?;
        for _ in 0..LOOKS {
            if self.missing_attributes().await?.is_empty() {
                return Ok(missing);
            }
            sleep(LOOK).await;
        }
        Err(Failure::new(
            FailureKind::DeadlineExceeded,
            "The search attributes were registered, but the server does not list them yet.",
            "Look again in a minute: some stores take that long.",
        ))
    }

    /// What the server says about itself; where it keeps that to itself, its version alone.
    pub async fn server_info(&self) -> Result<ServerInfo, Failure> {
        let said = |word: String| (!word.is_empty()).then(|| text::line(&word).into_owned());
        let whole = self
            .call(
                Call::read("ask for the cluster"),
                GetClusterInfoRequest::default(),
                |mut client, request| async move { client.get_cluster_info(request).await },
            )
            .await;
        if let Ok(info) = whole {
            return Ok(ServerInfo {
                version: text::line(&info.server_version).into_owned(),
                cluster: said(info.cluster_name),
                visibility_store: said(info.visibility_store),
            });
        }
        let info = self
            .call(Call::read("ask for the server"), GetSystemInfoRequest::default(), |mut client, request| async move {
                client.get_system_info(request).await
            })
            .await?;
        let version = text::line(&info.server_version).into_owned();
        Ok(ServerInfo { version, cluster: None, visibility_store: None })
    }
}

fn indexed(kind: AttributeKind) -> IndexedValueType {
    match kind {
        AttributeKind::Keyword => IndexedValueType::Keyword,
        AttributeKind::KeywordList => IndexedValueType::KeywordList,
        AttributeKind::Int => IndexedValueType::Int,
        AttributeKind::Datetime => IndexedValueType::Datetime,
    }
}

fn other_kind(name: &str, wanted: AttributeKind, there: i32) -> Failure {
    let there = IndexedValueType::try_from(there).unwrap_or_default();
    Failure::new(
        FailureKind::Conflict,
        format!("Search attribute {name} is there as {there:?}, but gatewatch needs it as {wanted:?}."),
        "Remove or rename the other one, or use a namespace of its own.",
    )
}
