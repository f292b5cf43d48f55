//! Lists and counts of workflows, by visibility query. A list is a hint, some hundred milliseconds old: see
//! [`crate::gateway::describe`] for the truth.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use temporalio_client::grpc::WorkflowService as _;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    CountWorkflowExecutionsRequest, ListWorkflowExecutionsRequest,
};

use crate::contracts::failure::Failure;
use crate::contracts::workflow::{LookedAt, PageToken, WorkflowCounts, WorkflowPage, WorkflowRow};
use crate::gateway::{Call, Gateway, connect, payload, rows};

/// Looks that are under way at once.
const AT_ONCE: usize = 8;
/// What the server takes at most.
const MAX_PAGE: u32 = 1000;

impl Gateway {
    /// One page. An empty query lists everything, the newest first.
    pub async fn list(&self, query: &str, page: Option<PageToken>, size: u32) -> Result<WorkflowPage, Failure> {
        let request = ListWorkflowExecutionsRequest {
            namespace: self.namespace(),
            page_size: i32::try_from(size.clamp(1, MAX_PAGE)).unwrap_or(1),
            next_page_token: page.map(|page| page.0).unwrap_or_default(),
            query: query.to_owned(),
        };
        let call = Call::long_read("list workflows");
        let answer = self
            .call(call, request, |mut client, request| async move { client.list_workflow_executions(request).await })
            .await?;
        let next = Some(answer.next_page_token).filter(|token| !token.is_empty()).map(PageToken);
        Ok(WorkflowPage { rows: answer.executions.into_iter().map(rows::row).collect(), next })
    }

    /// What a list cannot have: a trigger that arms, and that nobody looks any more, are in the monitor's heartbeat.
    /// Looks at so many watched deployments, the first ones, puts their health and what they published right, and says by
    /// run what holds which of them up, if anything does. A run that is not in the answer was not seen: nothing new is known of it.
    pub async fn look_closer(&self, rows: &mut [WorkflowRow], at_most: usize) -> LookedAt {
        let mut watched: Vec<_> = rows.iter_mut().filter(|row| row.is_watched()).take(at_most).collect();
        let mut seen = BTreeMap::new();
        for some in watched.chunks_mut(AT_ONCE) {
            let looks = join_all(some.iter_mut().map(|row| async {
                // The run of the row: an id that was used again is another deployment.
                let detail = self.describe(&row.id, Some(&row.run_id)).await.ok()?;
                let held_up = detail.held_up(connect::now());
                // Both of one moment: a health without what was published with it would have no cause.
                (row.health, row.published) = (detail.row.health, detail.row.published);
                Some((row.run_id.clone(), held_up))
            }));
            seen.extend(looks.await.into_iter().flatten());
        }
        seen
    }

    /// How many workflows a query matches, in all and by status.
    pub async fn count(&self, query: &str) -> Result<WorkflowCounts, Failure> {
        let query = if query.trim().is_empty() {
            "GROUP BY ExecutionStatus".to_owned()
        } else {
            format!("{query} GROUP BY ExecutionStatus")
        };
        let request = CountWorkflowExecutionsRequest { namespace: self.namespace(), query };
        let answer = self
            .call(Call::read("count workflows"), request, |mut client, request| async move {
                client.count_workflow_executions(request).await
            })
            .await?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let groups = answer.groups.iter().map(|group| {
            let word = group.group_values.first().and_then(payload::decode::<String>);
            (rows::status_named(word.as_deref().unwrap_or_default()), count(group.count))
        });
        Ok(WorkflowCounts { by_status: groups.collect(), total: count(answer.count) })
    }
}
