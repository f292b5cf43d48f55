//! Gives the work that waits in goals to agents, and their answers back to the goals.
//!
//! One list call finds all of it. A step is leased before its agent is called: of any number of dispatchers one gets it,
//! and when that one dies the lease ends by itself and the step is offered again. Answers of an attempt that has lost
//! its lease are refused by the goal. So nothing here needs to be remembered.
//!
//! | part | what it owns |
//! |---|---|
//! | [`run`] | the loop: look, plan, begin, wait |
//! | `call` | one step: lease, call, take over, hand the answer to the intake |
//! | [`budget`] | goals that have spent what they may, and are given nothing |
//! | `sibling` | one step whose agent is a workflow: planned, and handed on |
//! | `work` | what an agent is given of a step |
//! | `remind` | reminders, brought to the agents that have a step |
//! | [`follow`] | the agents of the file, read again when it changes |
//! | [`board`] | what every agent does and has done, as this coordinator counts it |
//! | [`plan`] | who gets what: priorities, quotas, fairness; pure |

pub mod board;
pub mod budget;
mod call;
pub mod follow;
pub mod plan;
mod remind;
pub mod run;
mod sibling;
mod work;

use tokio::sync::watch;

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // A dropped sender means stop as well.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
