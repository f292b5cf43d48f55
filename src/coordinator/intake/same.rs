//! Whether an answer that is sent again is the one that was taken in. Of that one only a digest is left when it is done,
//! in its receipt; before, it is there as a whole.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::contracts::agent::AgentResponse;
use crate::contracts::callback::Receipt;
use crate::contracts::hex;
use crate::coordinator::intake::{Answer, Kept};
use crate::store::callbacks::{Callback, NewCallback};

/// Bytes of a digest that are kept: nobody is to be deceived, only told.
const KEPT: usize = 8;
/// What is added to the receipt.
const DIFFERS: &str = "What was sent now differs from what was taken in for this attempt, and was not taken in.";

/// Of what an answer says: not of who gives it, nor of what it cost.
pub(super) fn digest(response: &AgentResponse) -> String {
    let mut digest = Sha256::new();
    digest.update(response.status.as_str());
    for said in [&response.content, &response.errors] {
        add(&mut digest, said);
    }
    for artifact in &response.artifacts {
        add(&mut digest, &serde_json::to_value(artifact).unwrap_or_default());
    }
    hex::encode(&digest.finalize()[..KEPT])
}

/// The order in which fields are written says nothing.
fn add(digest: &mut Sha256, value: &Value) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => digest.update(format!("{value},")),
        Value::Array(values) => {
            digest.update(format!("[{}:", values.len()));
            for value in values {
                add(digest, value);
            }
        }
        Value::Object(fields) => {
            digest.update(format!("{{{}:", fields.len()));
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            for (name, value) in fields {
                digest.update(format!("{name:?}:"));
                add(digest, value);
            }
        }
    }
}

/// What whoever sends an answer again is told of the one that is known; where it is another one, that, too.
pub(super) fn repeated(mut receipt: Receipt, known: &Callback, sent: &NewCallback) -> Answer {
    let taken = if receipt.digest.is_empty() { digest_of(&known.response) } else { Some(receipt.digest.clone()) };
    if taken.is_some_and(|taken| digest_of(&sent.response).is_some_and(|sent| sent != taken)) {
        tracing::warn!(
            sender = sent.sender,
            workflow = %sent.workflow_id,
            step = %sent.step_id,
            attempt = %sent.attempt_id,
            "an attempt is answered again, otherwise than before: that is not taken in"
        );
        let message = format!("{} {DIFFERS}", receipt.message);
        message.trim_start().clone_into(&mut receipt.message);
    }
    Answer { receipt, repeated: true }
}

/// None of what is not kept any more.
fn digest_of(kept: &str) -> Option<String> {
    serde_json::from_str::<Kept>(kept).ok().map(|kept| digest(&kept.response))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::digest;
    use crate::contracts::agent::AgentResponse;

    #[test]
    fn what_is_said_counts_and_neither_the_order_of_fields_nor_who_says_it() {
        let said = |more: &str| {
            let text = format!(
                r#"{{"goalId":"g","workflowId":"w","stepId":"s","runId":"r","agentRole":"a","status":"OK",{more}}}"#
            );
            digest(&serde_json::from_str::<AgentResponse>(&text).unwrap())
        };
        let first = said(r#""content":{"a":[1,{"x":1,"y":2}],"b":null}"#);
        assert_eq!(first, said(r#""content":{"b":null,"a":[1,{"y":2,"x":1}]},"metrics":{"costUsd":1}"#));
        let others = [
            json!({"a": [1, {"x": 1, "y": 3}], "b": null}),
            json!({"a": [1, [{"x": 1, "y": 2}]], "b": null}),
            json!({"a": [1], "x": 1, "y": 2, "b": null}),
        ];
        for other in others {
            assert_ne!(first, said(&format!(r#""content":{other}"#)), "{other}");
        }
        assert_ne!(said(r#""content":[1,23]"#), said(r#""content":[12,3]"#));
        let with = r#""content":{"a":[1,{"x":1,"y":2}],"b":null},"artifacts":[{"type":"PR"}]"#;
        assert_ne!(first, said(with));
    }
}
