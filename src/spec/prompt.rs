//! Prompts: a text with `${CEL}` in it, filled with the goal and the step that is to be done.

use std::sync::Arc;

use cel::Env;

use crate::contracts::agent::AgentRequest;
use crate::spec::facts::Scope;
use crate::spec::template::Template;

/// The longest prompt once it is filled, in bytes.
const LONGEST: usize = 512 * 1024;

/// A compiled prompt.
pub struct Prompt {
    template: Template,
    env: Arc<Env>,
}

impl Prompt {
    /// Compiles every hole; the error says which one is wrong.
    pub fn compile(text: &str) -> Result<Self, String> {
        let template = Template::compile(&serde_json::Value::String(text.to_owned()))?;
        Ok(Self { template, env: Arc::new(Env::stdlib()) })
    }

    /// The prompt for this piece of work. What is asked for and is not there is empty.
    pub fn fill(&self, request: &AgentRequest) -> Result<String, String> {
        let filled = self.template.fill(&Scope::of_work(&self.env, request)?)?;
        let text = filled.as_str().map_or_else(|| filled.to_string(), str::to_owned);
        if text.len() > LONGEST {
            return Err(format!("the prompt has {} bytes; {LONGEST} are the most", text.len()));
        }
        Ok(text)
    }
}
