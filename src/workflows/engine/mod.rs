//! The engine: a goal's steps, what was answered, what is decided next. Agents do the work outside of Temporal; this
//! only records what is asked for and takes in what is answered, by signals and updates.
//!
//! | part | what it owns |
//! |---|---|
//! | [`machine`] | all of it as a pure state machine, `handle(event) → reaction`: no clock, no Temporal |
//! | `messages` | what is sent, in either seed's form, as events of the machine |
//! | `goal` | a machine in a workflow: its start, its messages, what it publishes |
//! | `driver` | the only awaits: until something happens, until something is due, until it is over |
//! | [`types`] | `EngineWorkflow` and `CodegenWorkflow`: one implementation under two names |

mod driver;
mod goal;
pub mod machine;
pub mod messages;
mod publish;
pub mod types;
