//! From `[[agents]]` and `[dispatcher]` as they are written to what they mean.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::config::agents::{
    Adapter, Agent, Budget, Command, Dispatcher, Http, Llm, Price, Prompt, Scripted, Workflow,
};
use crate::config::problem::Problem;
use crate::config::raw;
use crate::config::validate::Check;
use crate::config::web;
use crate::contracts::engine::decision::APPROVAL;
use crate::contracts::ids::WorkflowType;

/// Which keys only some adapters have.
const OWN_KEYS: [(&str, &[&str]); 17] = [
    ("answers", &["scripted"]),
    ("delay", &["scripted"]),
    ("command", &["command"]),
    ("folder", &["command"]),
    ("environment", &["command"]),
    ("secrets", &["command"]),
    ("url", &["http"]),
    ("signing_secret_file", &["http"]),
    ("token_file", &["http", "llm"]),
    ("model", &["llm"]),
    ("endpoint", &["llm"]),
    ("workflow_type", &["workflow"]),
    ("workflow_id", &["workflow"]),
    ("task_queue", &["workflow"]),
    ("input", &["workflow"]),
    ("cancel", &["workflow"]),
    ("prompt", &["http", "command", "llm", "scripted"]),
];

const MAX_OUTPUT: usize = 256 * 1024;
/// What a callback may have at most is the most for every answer.
const LARGEST_OUTPUT: usize = 2 * 1024 * 1024;

impl Check<'_> {
    pub(in crate::config) fn dispatcher(&self, raw: &raw::Dispatcher) -> Result<Dispatcher, Problem> {
        let least = |key: &str, number: Option<usize>, default: usize| match number {
            Some(0) => Err(self.wrong(key, "It is 0: nothing would be done.", "Give 1 or more.")),
            number => Ok(number.unwrap_or(default)),
        };
        let idle = raw.idle.as_deref().map(|text| self.duration("dispatcher.idle", text)).transpose()?;
        let callback_url =
            raw.callback_url.as_deref().map(|url| self.url("dispatcher.callback_url", url)).transpose()?;
        Ok(Dispatcher {
            concurrency: least("dispatcher.concurrency", raw.concurrency, 16)?,
            tenant_quota: least("dispatcher.tenant_quota", raw.tenant_quota, 8)?,
            tenants: raw.tenants.clone(),
            idle: idle.unwrap_or(Duration::from_secs(5)).max(Duration::from_millis(100)),
            callback_url,
        })
    }

    pub(in crate::config) fn agents(&self, raw: &[raw::Agent]) -> Result<Vec<Agent>, Problem> {
        let agents = raw.iter().enumerate().map(|(at, one)| self.agent(&format!("agents[{at}]"), one));
        let agents: Vec<Agent> = agents.collect::<Result<_, _>>()?;
        self.named_once("agents", "agents", agents.iter().map(|agent| agent.name.as_str()))?;
        for (at, agent) in agents.iter().enumerate() {
            let key = format!("agents[{at}].alternates");
            for name in &agent.alternates {
                let other = agents.iter().find(|other| other.name == *name && other.name != agent.name);
                let Some(other) = other else {
                    let why = format!("There is no other agent called `{name}`.");
                    return Err(self.wrong(&key, why, "Name agents of this file."));
                };
                // A workflow has its step for good: nobody takes over within the attempt.
                if let Some(one) = [agent, other].into_iter().find(|one| matches!(one.adapter, Adapter::Workflow(_))) {
                    let why = format!("`{}` is a workflow: it neither has nor is an alternate.", one.name);
                    return Err(self.wrong(&key, why, "Give both their kinds, and let `priority` say who is first."));
                }
            }
            let stands_in = agents.iter().any(|other| other.alternates.contains(&agent.name));
            if agent.kinds.is_empty() && !stands_in {
                let key = format!("agents[{at}].kinds");
                return Err(self.wrong(
                    &key,
                    "It takes no kind of work and is nobody's alternate.",
                    "Give it kinds, such as [\"IMPLEMENTATION\"], or [\"*\"] for every kind.",
                ));
            }
        }
        Ok(agents)
    }

    fn agent(&self, key: &str, raw: &raw::Agent) -> Result<Agent, Problem> {
        let part = |name: &str| format!("{key}.{name}");
        let name = self.required(&part("name"), raw.name.as_deref())?;
        if name.len() > 60 || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            let fix = "Use up to 60 letters, digits, `-`, `_` and `.`.";
            return Err(self.wrong(&part("name"), format!("`{}` is no name.", web::shown(&name)), fix));
        }
        if raw.kinds.iter().any(|kind| kind == APPROVAL) {
            let why = "APPROVAL is no work for an agent: a person decides it.";
            return Err(self.wrong(&part("kinds"), why, "Take it out."));
        }
        let limit = raw.time_limit.as_deref().map(|text| self.duration(&part("time_limit"), text)).transpose()?;
        let priority = raw.priority.unwrap_or(3);
        if !(1..=5).contains(&priority) {
            return Err(self.wrong(&part("priority"), format!("{priority} is no priority."), "Give 1 (first) to 5."));
        }
        let max_output = raw.max_output.unwrap_or(MAX_OUTPUT);
        if !(1..=LARGEST_OUTPUT).contains(&max_output) {
            let why = format!("{max_output} bytes are not between 1 and {LARGEST_OUTPUT}.");
            return Err(self.wrong(&part("max_output"), why, "Give a number of that range."));
        }
        if raw.concurrency == Some(0) {
            return Err(self.wrong(&part("concurrency"), "An agent that may do nothing.", "Give 1 or more."));
        }
        if raw.budget_usd.is_some_and(|usd| !usd.is_finite() || usd < 0.0) {
            return Err(self.wrong(&part("budget_usd"), "It is no amount of money.", "Give US dollars a day."));
        }
        Ok(Agent {
            kinds: raw.kinds.clone(),
            adapter: self.adapter(key, raw)?,
            concurrency: raw.concurrency.unwrap_or(1),
            time_limit: limit.unwrap_or(Duration::from_mins(10)),
            priority,
            prompt: self.prompt(key, raw)?,
            max_output,
            budget: Budget { usd: raw.budget_usd, tokens: raw.budget_tokens },
            alternates: raw.alternates.clone(),
            place: self.place(&part("name")),
            name,
        })
    }

    fn adapter(&self, key: &str, raw: &raw::Agent) -> Result<Adapter, Problem> {
        let part = |name: &str| format!("{key}.{name}");
        let word = self.required(&part("adapter"), raw.adapter.as_deref())?;
        if !["scripted", "command", "http", "llm", "workflow"].contains(&word.as_str()) {
            let why = format!("There is no adapter `{}`.", web::shown(&word));
            return Err(self.wrong(
                &part("adapter"),
                why,
                "The adapters are http, command, llm, workflow and scripted.",
            ));
        }
        for (name, owners) in OWN_KEYS {
            if raw.has(name) && !owners.contains(&word.as_str()) {
                let why = format!("The adapter `{word}` has no `{name}`.");
                return Err(self.wrong(&part(name), why, "Take it out, or correct `adapter`."));
            }
        }
        let secret = |name: &str, file: Option<&str>| file.map(|file| self.secret(&part(name), file)).transpose();
        match word.as_str() {
            "scripted" => {
                let delay = raw.delay.as_deref().map(|text| self.duration(&part("delay"), text)).transpose()?;
                let answers = raw.answers.clone().unwrap_or_default();
                Ok(Adapter::Scripted(Scripted { answers, delay: delay.unwrap_or_default() }))
            }
            "command" => {
                if raw.command.first().is_none_or(|program| program.trim().is_empty()) {
                    let fix = "Give the program and its arguments as a list.";
                    return Err(self.wrong(&part("command"), "It is missing.", fix));
                }
                let plain = raw.environment.clone().unwrap_or_default();
                let mut environment: BTreeMap<String, SecretString> =
                    plain.into_iter().map(|(name, value)| (name, value.into())).collect();
                for (name, file) in raw.secrets.clone().unwrap_or_default() {
                    let value = self.secret(&part(&format!("secrets.{name}")), &file)?;
                    environment.insert(name, value);
                }
                let folder = raw.folder.as_deref().map(|folder| self.path(&part("folder"), folder));
                Ok(Adapter::Command(Command { command: raw.command.clone(), folder, environment }))
            }
            "http" => {
                let url = self.required_url(&part("url"), raw.url.as_deref())?;
                let token = secret("token_file", raw.token_file.as_deref())?;
                self.not_in_clear(&part("url"), &url, token.is_some(), raw.allow_plaintext)?;
                let signing_secret = secret("signing_secret_file", raw.signing_secret_file.as_deref())?;
                Ok(Adapter::Http(Http { url, token, signing_secret }))
            }
            "workflow" => {
                let limit = raw.time_limit.as_deref().map(|text| self.duration(&part("time_limit"), text));
                Ok(Adapter::Workflow(Workflow {
                    workflow_type: WorkflowType::new(
                        self.required(&part("workflow_type"), raw.workflow_type.as_deref())?,
                    ),
                    task_queue: raw.task_queue.clone(),
                    id: raw.workflow_id.clone(),
                    input: raw.input.clone(),
                    limit: limit.transpose()?,
                    cancel: raw.cancel.unwrap_or(true),
                }))
            }
            _ => {
                let endpoint = raw.endpoint.as_deref().map(|url| self.url(&part("endpoint"), url)).transpose()?;
                let token = secret("token_file", raw.token_file.as_deref())?;
                if let Some(url) = &endpoint {
                    self.not_in_clear(&part("endpoint"), url, token.is_some(), raw.allow_plaintext)?;
                }
                if raw.prompt.is_none() && raw.prompt_file.is_none() {
                    let fix = "Say what it is to do, such as \"${step.payload.prompt}\".";
                    return Err(self.wrong(&part("prompt"), "A language model needs a prompt.", fix));
                }
                Ok(Adapter::Llm(Llm {
                    model: self.required(&part("model"), raw.model.as_deref())?,
                    endpoint,
                    token,
                    max_tokens: raw.max_tokens,
                    price: Price {
                        prompt: raw.usd_per_million_prompt.unwrap_or_default(),
                        completion: raw.usd_per_million_completion.unwrap_or_default(),
                    },
                }))
            }
        }
    }

    fn prompt(&self, key: &str, raw: &raw::Agent) -> Result<Option<Prompt>, Problem> {
        let (inline, file) = (format!("{key}.prompt"), format!("{key}.prompt_file"));
        match (&raw.prompt, &raw.prompt_file) {
            (Some(_), Some(_)) => Err(self.wrong(&file, "Both prompt and prompt_file are set.", "Keep one of them.")),
            (Some(text), None) => Ok(Some(Prompt { text: text.clone(), place: self.place(&inline) })),
            (None, Some(path)) => {
                let text = self.read(&file, path)?;
                Ok(Some(Prompt { text, place: self.place(&file) }))
            }
            (None, None) => Ok(None),
        }
    }

    fn not_in_clear(&self, key: &str, url: &Url, token: bool, allowed: Option<bool>) -> Result<(), Problem> {
        if !token || url.scheme() != "http" || web::is_loopback(url) || allowed == Some(true) {
            return Ok(());
        }
        let why =
            format!("{} is plaintext to another machine: the token would travel in clear.", web::shown(url.as_str()));
        let fix = "Use `https://`, or set allow_plaintext where the network itself is private.";
        Err(self.wrong(key, why, fix))
    }
}

impl raw::Agent {
    fn has(&self, name: &str) -> bool {
        match name {
            "answers" => self.answers.is_some(),
            "delay" => self.delay.is_some(),
            "command" => !self.command.is_empty(),
            "folder" => self.folder.is_some(),
            "environment" => self.environment.is_some(),
            "secrets" => self.secrets.is_some(),
            "url" => self.url.is_some(),
            "signing_secret_file" => self.signing_secret_file.is_some(),
            "token_file" => self.token_file.is_some(),
            "model" => self.model.is_some(),
            "endpoint" => self.endpoint.is_some(),
            "workflow_type" => self.workflow_type.is_some(),
            "workflow_id" => self.workflow_id.is_some(),
            "task_queue" => self.task_queue.is_some(),
            "input" => self.input.is_some(),
            "cancel" => self.cancel.is_some(),
            "prompt" => self.prompt.is_some() || self.prompt_file.is_some(),
            _ => false,
        }
    }
}
