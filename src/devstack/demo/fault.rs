//! `gatewatch demo fault`: breaks, or mends, the version that is live in a running demo.

use crate::cli::exit::{Exit, Stop};
use crate::cli::output::Output;
use crate::console::guide::SERVICE;
use crate::devstack::demo::args::{Demo, FaultArgs};
use crate::devstack::service::fault::Fault;
use crate::devstack::story::customer::Customer;
use crate::devstack::world::running::Running;

/// Switches the fault and says where.
pub async fn run(out: Output, demo: &Demo, args: &FaultArgs) -> Result<Exit, Stop> {
    let running = Running::find(&demo.folder())?;
    let customer = Customer::of(running.service(SERVICE)?)?;
    let route = customer.set_fault(args.fault).await?;
    if out.is_json() {
        out.json(&serde_json::json!({ "fault": args.fault, "version": route.version, "commit": route.commit }))?;
    } else {
        out.line(&format!("{SERVICE} {}: {}.", route.version, words(args.fault)))?;
    }
    Ok(Exit::Ok)
}

fn words(fault: Fault) -> &'static str {
    match fault {
        Fault::Errors => "one request in five fails",
        Fault::Latency => "every request takes a quarter of a second longer",
        Fault::Health => "the health endpoint says no",
        Fault::Database => "the database is lost",
        Fault::None => "no fault any more",
    }
}
