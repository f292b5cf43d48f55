//! The configured agents, ready to be called.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::agents::command::Command;
use crate::agents::http::Http;
use crate::agents::llm::Llm;
use crate::agents::scripted::Scripted;
use crate::agents::{Adapter, Call, Outcome};
use crate::config::agents::{self, Agent};
use crate::config::problem::Problem;
use crate::contracts::agent::AgentRequest;
use crate::spec::prompt::Prompt;

/// A service that does not even take the connection is not there.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a reminder may take: nothing is done for it.
const REMINDING: Duration = Duration::from_secs(20);

/// One agent and the way to reach it.
struct Member {
    agent: Agent,
    adapter: Box<dyn Adapter>,
    prompt: Option<Prompt>,
}

/// All of them. Whoever holds it goes on with these agents while newer ones are followed.
pub struct Fleet {
    agents: Arc<Vec<Agent>>,
    members: BTreeMap<String, Member>,
}

impl Fleet {
    /// Makes them ready. What is wrong with a prompt is told with its line.
    pub fn muster(agents: &[Agent]) -> Result<Self, Problem> {
        // Another provider may be installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut members = BTreeMap::new();
        for agent in agents {
            let wrong = |why: String, fix: &str| Problem::new(agent.place.clone(), &agent.name, why, fix);
            let client = reqwest::Client::builder()
                .no_proxy()
                .connect_timeout(CONNECT)
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .map_err(|error| wrong(format!("No HTTP client for it: {error}."), ""))?;
            let prompt = match &agent.prompt {
                None => None,
                Some(prompt) => Some(Prompt::compile(&prompt.text).map_err(|why| {
                    let fix = "Correct the expression; `step`, `goal` and their fields are what there is.";
                    Problem::new(prompt.place.clone(), "prompt", format!("A part of the prompt {why}."), fix)
                })?),
            };
            let name = agent.name.clone();
            let adapter: Box<dyn Adapter> = match agent.adapter.clone() {
                agents::Adapter::Scripted(settings) => Box::new(Scripted::new(name, settings)),
                agents::Adapter::Command(settings) => Box::new(Command::new(name, settings)),
                agents::Adapter::Http(settings) => Box::new(Http::new(name, settings, client)),
                agents::Adapter::Llm(settings) => {
                    let llm = Llm::new(name, settings, client);
                    Box::new(llm.map_err(|why| wrong(format!("{why}."), "Correct `model` and `endpoint`."))?)
                }
                // It is begun, not called: that is the coordinator's.
                agents::Adapter::Workflow(_) => continue,
            };
            members.insert(agent.name.clone(), Member { agent: agent.clone(), adapter, prompt });
        }
        Ok(Self { agents: Arc::new(agents.to_vec()), members })
    }

    pub fn agents(&self) -> &Arc<Vec<Agent>> {
        &self.agents
    }

    pub fn agent(&self, name: &str) -> Option<&Agent> {
        self.members.get(name).map(|member| &member.agent)
    }

    /// Reminds an agent of work that it has. None when there is no way to: only a web service can be told.
    pub async fn remind(&self, name: &str, request: AgentRequest) -> Option<Outcome> {
        let member = self.members.get(name)?;
        if !matches!(member.agent.adapter, agents::Adapter::Http(_)) {
            return None;
        }
        Some(member.call(request, member.agent.time_limit.min(REMINDING)).await)
    }

    /// Gives an agent a piece of work and waits for what becomes of it.
    pub async fn call(&self, name: &str, request: AgentRequest) -> Outcome {
        match self.members.get(name) {
            Some(member) => member.call(request, member.agent.time_limit).await,
            None => Outcome::broken(format!("there is no agent called {name}")),
        }
    }
}

impl Member {
    async fn call(&self, mut request: AgentRequest, time_limit: Duration) -> Outcome {
        request.agent.clone_from(&self.agent.name);
        if let Some(prompt) = &self.prompt {
            match prompt.fill(&request) {
                Ok(text) => request.prompt = Some(text),
                Err(why) => return Outcome::broken(format!("its prompt cannot be filled: {why}")),
            }
        }
        self.adapter.call(&Call { request, time_limit, max_output: self.agent.max_output }).await
    }
}
