//! What is to be begun for a step: the workflow's id and its input, filled from the goal.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::agents::{Adapter, Agent, Workflow};
use crate::config::problem::Problem;
use crate::contracts::agent::AgentRequest;
use crate::contracts::clock::Millis;
use crate::contracts::ids::{WorkflowId, WorkflowType};
use crate::coordinator::extract;
use crate::spec::prompt::Form;

/// Agents that are workflows, with their forms compiled.
#[derive(Default)]
pub struct Forms(BTreeMap<String, (Workflow, Compiled)>);

struct Compiled {
    id: Option<Form>,
    input: Option<Form>,
}

/// All that it takes to begin one and to tell of its end, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// What its step asks for. The workflow is the goal's, as it calls itself.
    pub request: AgentRequest,
    pub child: WorkflowId,
    pub workflow_type: WorkflowType,
    pub task_queue: String,
    pub input: Value,
    pub limit: Option<Millis>,
    /// Whether it is cancelled when nobody wants it any more.
    pub cancel: bool,
    /// Bytes of the largest result that is read.
    pub max_output: usize,
    /// Why it cannot be begun.
    pub wrong: Option<String>,
}

impl Forms {
    /// What is wrong with a form is told with its line.
    pub fn compile(agents: &[Agent]) -> Result<Self, Problem> {
        let mut forms = BTreeMap::new();
        for agent in agents {
            let Adapter::Workflow(settings) = &agent.adapter else { continue };
            let compile = |key: &str, form: &Value| {
                Form::compile(form).map_err(|why| {
                    let fix = "Correct the expression; `step`, `goal` and their fields are what there is.";
                    Problem::new(agent.place.clone(), key, format!("A part of it {why}."), fix)
                })
            };
            let id = settings.id.as_ref().map(|id| compile("workflow_id", &json!(id))).transpose()?;
            let input = settings.input.as_ref().map(|input| compile("input", input)).transpose()?;
            forms.insert(agent.name.clone(), (settings.clone(), Compiled { id, input }));
        }
        Ok(Self(forms))
    }

    /// What this agent begins for a piece of work; none when it is no workflow. What cannot be filled in is said in the
    /// plan: the step fails with it.
    pub fn plan(&self, agent: &Agent, request: AgentRequest, queue: &str) -> Option<Plan> {
        let (settings, compiled) = self.0.get(&agent.name)?;
        let mut plan = Plan {
            child: usual_id(&request),
            workflow_type: settings.workflow_type.clone(),
            task_queue: settings.task_queue.clone().unwrap_or_else(|| queue.to_owned()),
            input: json!(request),
            limit: settings.limit.map(Duration::into),
            cancel: settings.cancel,
            max_output: agent.max_output,
            wrong: None,
            request,
        };
        if let Err(why) = fill(&mut plan, compiled) {
            plan.wrong = Some(why);
        }
        Some(plan)
    }
}

/// After the goal, the step, and which attempt of it this is.
fn usual_id(request: &AgentRequest) -> WorkflowId {
    WorkflowId::new(format!("{}/{}/{}", request.workflow_id, request.step_id, request.attempt))
}

fn fill(plan: &mut Plan, compiled: &Compiled) -> Result<(), String> {
    if let Some(form) = &compiled.input {
        plan.input = form.fill(&plan.request).map_err(|why| format!("Its input cannot be filled in: {why}."))?;
    }
    if let Some(form) = &compiled.id {
        let id = form.fill(&plan.request).map_err(|why| format!("Its workflow id cannot be filled in: {why}."))?;
        plan.child = WorkflowId::new(id.as_str().unwrap_or_default());
    }
    // The usual one may be too long, too: goals and steps name themselves.
    extract::require_id("The id of its workflow", plan.child.as_str()).map_err(|error| error.to_string())?;
    // What is a tenant's stays a tenant's.
    if plan.request.workflow_id.tenant().is_some_and(|tenant| !plan.child.is_of(tenant)) {
        return Err(format!("{} is no workflow of the goal's tenant.", plan.child));
    }
    Ok(())
}
