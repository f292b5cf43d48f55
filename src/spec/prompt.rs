//! Prompts and forms: what has `${CEL}` in it, filled with the goal and the step that is to be done.

use std::sync::Arc;

use cel::Env;
use serde_json::Value;

use crate::contracts::agent::AgentRequest;
use crate::spec::facts::Scope;
use crate::spec::template::Template;

/// The longest prompt once it is filled, in bytes.
const LONGEST: usize = 512 * 1024;

/// A compiled prompt.
pub struct Prompt(Form);

/// Any JSON with holes, compiled.
pub struct Form {
    template: Template,
    env: Arc<Env>,
}

impl Form {
    /// Compiles every hole; the error says which one is wrong.
    pub fn compile(form: &Value) -> Result<Self, String> {
        Ok(Self { template: Template::compile(form)?, env: Arc::new(Env::stdlib()) })
    }

    /// The form for this piece of work. What is asked for and is not there is null.
    pub fn fill(&self, request: &AgentRequest) -> Result<Value, String> {
        self.template.fill(&Scope::of_work(&self.env, request)?)
    }
}

impl Prompt {
    /// Compiles every hole; the error says which one is wrong.
    pub fn compile(text: &str) -> Result<Self, String> {
        Form::compile(&Value::String(text.to_owned())).map(Self)
    }

    /// The prompt for this piece of work. What is asked for and is not there is empty.
    pub fn fill(&self, request: &AgentRequest) -> Result<String, String> {
        let filled = self.0.fill(request)?;
        let text = filled.as_str().map_or_else(|| filled.to_string(), str::to_owned);
        if text.len() > LONGEST {
            return Err(format!("the prompt has {} bytes; {LONGEST} are the most", text.len()));
        }
        Ok(text)
    }
}
