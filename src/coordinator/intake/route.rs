//! One answer, several workflows: who else is told of it is configured, and each telling is a delivery of its own: kept,
//! tried again, done once. None holds up the answer's own workflow, or another one.

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::config::problem::Problem;
use crate::config::routes::{self, Telling};
use crate::contracts::agent::AgentResponse;
use crate::contracts::callback::{Reached, RoutedTo};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::hex;
use crate::contracts::ids::{RequestId, WorkflowId};
use crate::contracts::mutation::{Signal, Target};
use crate::contracts::temporal::names::signal;
use crate::coordinator::backoff;
use crate::coordinator::clock::now_millis;
use crate::coordinator::extract;
use crate::coordinator::intake::deliver::Delivered;
use crate::coordinator::intake::{Intake, LEASE};
use crate::spec::route;
use crate::store::callbacks::Callback;
use crate::store::routed::Routed;

/// How long, in milliseconds, a workflow is waited for of which Temporal says that there is none: it may be about to start.
pub(super) const AWAITED: i64 = 10 * 60 * 1000;

/// The configured routes, compiled.
#[derive(Default)]
pub struct Routes(Vec<(routes::Route, route::Route)>);

/// What a target is told, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    name: String,
    args: Vec<Value>,
}

impl Routes {
    /// What is wrong with a route is told with its line.
    pub fn compile(routes: &[routes::Route]) -> Result<Self, Problem> {
        let compile = |configured: &routes::Route| {
            let compiled = route::Route::compile(configured.when.as_deref(), &configured.workflows).map_err(|why| {
                let fix = "Correct the expression; `response` and its fields are what there is.";
                let key = format!("the route `{}`", configured.name);
                Problem::new(configured.place.clone(), &key, format!("It cannot be followed: {why}."), fix)
            })?;
            Ok((configured.clone(), compiled))
        };
        routes.iter().map(compile).collect::<Result<_, _>>().map(Self)
    }

    /// Everybody who is to be told of this answer beside its own workflow.
    fn of(&self, callback: &Callback, response: &AgentResponse) -> Vec<Routed> {
        let mut all = Vec::new();
        for (configured, compiled) in &self.0 {
            let targets = compiled.targets(response).unwrap_or_else(|why| {
                tracing::warn!(route = configured.name, key = callback.key, why, "a route could not be followed");
                Vec::new()
            });
            let others = targets.into_iter().filter(|target| *target != callback.workflow_id);
            all.extend(others.map(|target| telling(configured, callback, response, target)));
        }
        all
    }
}

fn telling(route: &routes::Route, callback: &Callback, response: &AgentResponse, to: WorkflowId) -> Routed {
    let is_foreign = callback.workflow_id.tenant().is_some_and(|tenant| !to.is_of(tenant));
    let (name, args) = match &route.telling {
        Telling::Signal(name) => (name.clone(), vec![json!(response.step_id), json!(response)]),
        Telling::Event(event) => {
            let id = request_id(&callback.key, &route.name, &to);
            (signal::CUSTOM.to_owned(), vec![json!(event), json!(response), json!(id)])
        }
    };
    Routed {
        key: callback.key.clone(),
        route: route.name.clone(),
        workflow_id: to,
        signal: if is_foreign { String::new() } else { json!(Kept { name, args }).to_string() },
        outcome: is_foreign.then(|| Reached::Refused.as_str().to_owned()),
        tries: 1,
        received_at: callback.received_at,
        unknown_at: None,
    }
}

/// The same for every try.
fn request_id(key: &str, route: &str, to: &WorkflowId) -> RequestId {
    let digest = Sha256::digest(json!([key, route, to]).to_string());
    RequestId::new(hex::encode(&digest))
}

impl Intake {
    /// Tells everybody else, each once, and says what is known of each. Fails when it was not even kept who that is.
    pub(super) async fn tell_others(
        &self,
        callback: &Callback,
        response: &AgentResponse,
    ) -> Result<Vec<RoutedTo>, Failure> {
        // Whoever kept it before may have been killed: that stands, and is gone on with by itself.
        let mut all = if callback.tries > 1 { self.0.store.routes_of(&callback.key).await? } else { Vec::new() };
        let is_new = all.is_empty();
        if is_new {
            all = self.0.routes.of(callback, response);
        }
        if is_new && !all.is_empty() {
            self.0.store.route(&all, now_millis(), LEASE).await?;
        }
        let tell = async |one: Routed| {
            let outcome = match one.outcome.as_deref().and_then(Reached::parse) {
                Some(known) => known,
                None if is_new => self.tell_other(&one).await,
                None => Reached::Pending,
            };
            RoutedTo { route: one.route, workflow_id: one.workflow_id, outcome }
        };
        Ok(join_all(all.into_iter().map(tell)).await)
    }

    /// One try, by whoever has it.
    pub(super) async fn tell_other(&self, one: &Routed) -> Reached {
        let mut one = one.clone();
        let outcome = match self.try_other(&one).await {
            Delivered::Yes => Reached::Delivered,
            Delivered::Over(_) => Reached::Late,
            Delivered::Never(failure) if failure.kind != FailureKind::NotFound => Reached::Refused,
            Delivered::Never(_) => {
                let since = *one.unknown_at.get_or_insert_with(now_millis);
                if now_millis().0.saturating_sub(since.0) < AWAITED { Reached::Pending } else { Reached::Missing }
            }
            Delivered::Unknown(failure) => {
                tracing::warn!(route = one.route, workflow = %one.workflow_id, %failure, "a route waits");
                Reached::Pending
            }
        };
        let kept = match outcome {
            Reached::Pending => self.0.store.rest_route(&one, now_millis().plus(backoff::of_kept(one.tries))).await,
            Reached::Delivered | Reached::Late | Reached::Missing | Reached::Refused => {
                self.0.store.routed(&one, outcome.as_str()).await
            }
        };
        if let Err(error) = kept {
            // It is due again when its lease ends; told twice, it has one effect, as far as its run or its id goes.
            tracing::warn!(%error, route = one.route, "what became of a route was not kept");
            return Reached::Pending;
        }
        self.0.metrics.routed(&one.route, outcome.as_str());
        outcome
    }

    async fn try_other(&self, one: &Routed) -> Delivered {
        let Ok(Kept { name, args }) = serde_json::from_str(&one.signal) else {
            // Only somebody who writes into the database by hand makes it unreadable.
            return Delivered::unreadable("What is to be told cannot be read.");
        };
        let target = Target {
            workflow_id: extract::workflow_id(one.workflow_id.as_str()),
            request_id: request_id(&one.key, &one.route, &one.workflow_id),
        };
        self.send(&Signal { target, run_id: None, name, args }).await
    }
}
