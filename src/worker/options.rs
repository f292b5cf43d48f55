//! How a worker polls: the numbers, and why they are not the SDK's defaults.

use std::sync::Arc;
use std::time::Duration;

use temporalio_sdk::runtime::PollerBehavior;
use temporalio_sdk::runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder};
use temporalio_sdk::{WorkerOptions, WorkflowRegistrationError};

use crate::activities::registry as activities;
use crate::activities::services::Services;
use crate::config::settings;
use crate::workflows::registry as workflows;

/// After a worker was killed, everything for its workflows waits this long on its queue; the SDK's 10 s are ten
/// seconds during which nobody can roll back.
const STICKY: Duration = Duration::from_secs(1);

/// Live health is heartbeat details, and details between two sent heartbeats are seen by nobody.
const HEARTBEAT_THROTTLE: Duration = Duration::from_millis(250);

/// A worker needs one slot for its sticky queue and one for the shared queue, whatever it may run at once.
const WORKFLOW_TASKS: usize = 2;

/// A worker needs one poller for its sticky queue and one for the shared queue.
const POLLERS: usize = 4;

/// Everything registered, everything tuned.
pub fn build(
    task_queue: &str,
    worker: &settings::Worker,
    services: &Arc<Services>,
) -> Result<WorkerOptions, WorkflowRegistrationError> {
    let slots = worker.concurrency;
    let tuner = TunerHolder::builder()
        .workflow_task_slot_supplier(FixedSizeSlotSupplier::new(slots.max(WORKFLOW_TASKS)))
        .activity_task_slot_supplier(FixedSizeSlotSupplier::new(slots))
        .local_activity_task_slot_supplier(FixedSizeSlotSupplier::new(slots))
        .nexus_task_slot_supplier(FixedSizeSlotSupplier::new(1))
        .build();
    let mut options = WorkerOptions::new(task_queue)
        .tuner(tuner)
        .workflow_task_poller_behavior(PollerBehavior::SimpleMaximum(POLLERS))
        .activity_task_poller_behavior(PollerBehavior::SimpleMaximum(POLLERS))
        .sticky_queue_schedule_to_start_timeout(STICKY)
        .max_heartbeat_throttle_interval(HEARTBEAT_THROTTLE)
        .default_heartbeat_throttle_interval(HEARTBEAT_THROTTLE)
        .graceful_shutdown_period(worker.drain)
        .build();
    workflows::register(&mut options)?;
    activities::register(&mut options, services);
    Ok(options)
}
