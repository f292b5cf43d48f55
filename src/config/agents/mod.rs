//! Agents and the dispatcher that gives them work: what `[[agents]]` and `[dispatcher]` mean.

pub mod check;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use crate::config::problem::Place;
use crate::contracts::ids::WorkflowType;

/// `[dispatcher]`: limits over all agents. Each coordinator has its own.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    /// Calls of agents under way at once.
    pub concurrency: usize,
    /// The same of one tenant; goals without a tenant are one tenant.
    pub tenant_quota: usize,
    /// Tenants with a quota of their own.
    pub tenants: BTreeMap<String, usize>,
    /// The longest pause between two looks for work.
    pub idle: Duration,
    /// Where agents that answer later post their answer: told to them with the work.
    pub callback_url: Option<Url>,
}

impl Dispatcher {
    pub fn quota(&self, tenant: &str) -> usize {
        self.tenants.get(tenant).copied().unwrap_or(self.tenant_quota)
    }
}

/// One `[[agents]]`.
#[derive(Clone, Debug)]
pub struct Agent {
    pub name: String,
    /// Kinds of work it is offered; `*` is every kind. None at all: only as somebody's alternate.
    pub kinds: Vec<String>,
    pub adapter: Adapter,
    /// Calls of it under way at once.
    pub concurrency: usize,
    /// How long one call may take. The lease of the step ends a little later.
    pub time_limit: Duration,
    /// Who is asked first among the agents that take a kind: 1 before 5.
    pub priority: u8,
    pub prompt: Option<Prompt>,
    /// Bytes of the largest answer that is read.
    pub max_output: usize,
    pub budget: Budget,
    /// Who takes over when it cannot do its work, in this order.
    pub alternates: Vec<String>,
    /// Where it stands in the file.
    pub place: Place,
}

impl Agent {
    /// The word of `adapter`.
    pub fn adapter_name(&self) -> &'static str {
        match self.adapter {
            Adapter::Scripted(_) => "scripted",
            Adapter::Command(_) => "command",
            Adapter::Http(_) => "http",
            Adapter::Llm(_) => "llm",
            Adapter::Workflow(_) => "workflow",
        }
    }

    pub fn takes(&self, kind: &str) -> bool {
        self.kinds.iter().any(|taken| taken == "*" || taken == kind)
    }
}

/// A template with `${CEL}` in it, and where it was written.
#[derive(Clone, Debug)]
pub struct Prompt {
    pub text: String,
    pub place: Place,
}

/// What an agent may cost within a day (UTC), as this coordinator counts it. Beyond, it is offered nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    /// US dollars.
    pub usd: Option<f64>,
    /// Prompt and completion together.
    pub tokens: Option<u64>,
}

/// How an agent is called.
#[derive(Clone, Debug)]
pub enum Adapter {
    Scripted(Scripted),
    Command(Command),
    Http(Http),
    Llm(Llm),
    Workflow(Workflow),
}

/// A rehearsal: it does nothing and answers what is written here.
#[derive(Clone, Debug, Default)]
pub struct Scripted {
    /// By kind of work: `status`, `content`, `artifacts`, `errors`. Any other kind is answered OK.
    pub answers: BTreeMap<String, Value>,
    /// How long it takes.
    pub delay: Duration,
}

/// A program: the work as JSON on its standard input, the answer as JSON on its standard output.
#[derive(Clone, Debug)]
pub struct Command {
    /// Program and arguments; no shell.
    pub command: Vec<String>,
    pub folder: Option<PathBuf>,
    /// On top of this process's, without its credentials.
    pub environment: BTreeMap<String, SecretString>,
}

/// A web service: the work is posted to it. 200 holds the answer; after 202 it comes by callback.
#[derive(Clone, Debug)]
pub struct Http {
    pub url: Url,
    /// Sent as a bearer token.
    pub token: Option<SecretString>,
    /// Signs what is sent, as standard webhooks are signed.
    pub signing_secret: Option<SecretString>,
}

/// A language model.
#[derive(Clone, Debug)]
pub struct Llm {
    /// Its name, which also says whose it is: `claude-…`, `gpt-…`, `openai::name`, `ollama::name`.
    pub model: String,
    /// Where it is served, when not where its provider serves it.
    pub endpoint: Option<Url>,
    pub token: Option<SecretString>,
    /// The longest completion of one call.
    pub max_tokens: Option<u32>,
    /// US dollars for a million tokens.
    pub price: Price,
}

/// A workflow of its own, of any SDK: begun for a step, whose end answers it. Templates hold `${CEL}`.
#[derive(Clone, Debug)]
pub struct Workflow {
    pub workflow_type: WorkflowType,
    /// The coordinator's own when it is not given.
    pub task_queue: Option<String>,
    /// Its id; `GOAL/STEP/ATTEMPT` when it is not given. It is never used twice.
    pub id: Option<String>,
    /// Its argument; the work as other agents get it when it is not given.
    pub input: Option<Value>,
    /// How long it may take before the server ends it.
    pub limit: Option<Duration>,
    /// Whether it is cancelled when its goal has ended, or its step is somebody else's.
    pub cancel: bool,
}

/// US dollars for a million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Price {
    pub prompt: f64,
    pub completion: f64,
}
