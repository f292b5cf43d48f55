//! The demo's faults: one request to the demo service.

use reqwest::Client;
use serde_json::json;
use std::time::Duration;
use url::Url;

use crate::console::event::Event;
use crate::console::guide::SERVICE;
use crate::console::outbox::Outbox;
use crate::contracts::failure::{Failure, FailureKind};

const WAITED: Duration = Duration::from_secs(3);

/// Switches a fault of the live version on, or all of them off.
pub async fn switch(service: Url, fault: &'static str, outbox: Outbox) {
    outbox.send(match put(&service, fault).await {
        Ok(()) if fault == "none" => Event::Said(format!("The fault of {SERVICE} is gone.")),
        Ok(()) => Event::Said(format!("The live {SERVICE} has the fault `{fault}` now.")),
        Err(error) => {
            let message = format!("The fault was not switched: {error:#}.");
            Event::Failed(Failure::new(FailureKind::Unavailable, message, "Is the demo service still running?"))
        }
    });
}

async fn put(service: &Url, fault: &str) -> anyhow::Result<()> {
    let client = Client::builder().timeout(WAITED).build()?;
    let body = json!({ "fault": fault });
    client.put(service.join("/fault")?).json(&body).send().await?.error_for_status()?;
    Ok(())
}
