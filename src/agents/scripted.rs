//! The rehearsal: it does nothing and answers what the configuration says, with a note that it is one.

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::agents::{Adapter, Call, Outcome, answer};
use crate::config::agents::Scripted as Settings;

pub(super) struct Scripted {
    name: String,
    settings: Settings,
}

impl Scripted {
    pub(super) fn new(name: String, settings: Settings) -> Self {
        Self { name, settings }
    }

    fn answer(&self, call: &Call) -> Result<Outcome, String> {
        let scripted = self.settings.answers.get(call.request.kind.as_str()).cloned();
        let mut fields: Map<String, Value> = match scripted {
            Some(Value::Object(fields)) => fields,
            None => Map::new(),
            Some(_) => return Err(format!("its script for {} is no table", call.request.kind)),
        };
        fields.entry("status").or_insert_with(|| json!("OK"));
        let content = fields.entry("content").or_insert_with(|| json!({}));
        if let Some(content) = content.as_object_mut() {
            content.insert("rehearsal".to_owned(), json!("Scripted: nothing was done."));
        }
        answer::of(fields, &self.name, &call.request).map(|response| Outcome::Answered(Box::new(response)))
    }
}

impl Adapter for Scripted {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            tokio::time::sleep(self.settings.delay).await;
            self.answer(call).unwrap_or_else(Outcome::broken)
        })
    }
}
