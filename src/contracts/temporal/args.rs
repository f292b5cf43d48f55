//! The one tolerant argument of signals, updates and queries: it never fails to decode.
//!
//! A payload that does not decode fails the workflow task on every attempt and wedges the workflow. So every
//! message arrives as [`Args`], and what cannot be read is refused in the handler, where it can be recorded.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use temporalio_common::data_converters::{
    PayloadConversionError, SerializationContext, TemporalDeserializable, TemporalSerializable,
};
use temporalio_common::protos::temporal::api::common::v1::Payload;

/// Every argument of a message as JSON; what is not JSON is kept as the reason why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args(Vec<Result<Value, String>>);

impl Args {
    pub fn of(values: impl IntoIterator<Item = Value>) -> Self {
        Self(values.into_iter().map(Ok).collect())
    }

    /// Reads the arguments as one `T`: from a single object, or from positional arguments named by `fields` in
    /// their order (the seeds' form). No argument at all reads as an empty object.
    pub fn read<T: DeserializeOwned>(&self, fields: &[&str]) -> Result<T, String> {
        let mut values = Vec::with_capacity(self.0.len());
        for (position, value) in self.0.iter().enumerate() {
            match value {
                Ok(value) => values.push(value),
                Err(why) => return Err(format!("argument {} is not JSON: {why}", position + 1)),
            }
        }
        let object = match values.as_slice() {
            [] => Value::Object(Map::new()),
            [one @ Value::Object(_)] => (*one).clone(),
            positional if positional.len() <= fields.len() => Value::Object(
                fields.iter().zip(positional).map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect(),
            ),
            more => {
                return Err(format!(
                    "{} arguments where at most {} are known: {}",
                    more.len(),
                    fields.len(),
                    fields.join(", ")
                ));
            }
        };
        serde_json::from_value(object).map_err(|error| error.to_string())
    }
}

impl TemporalDeserializable for Args {
    fn from_payloads(_: &SerializationContext<'_>, payloads: Vec<Payload>) -> Result<Self, PayloadConversionError> {
        let value = |payload: Payload| {
            // `binary/null` is how SDKs send "nothing".
            if payload.data.is_empty() {
                return Ok(Value::Null);
            }
            serde_json::from_slice(&payload.data).map_err(|error| error.to_string())
        };
        let mut values: Vec<_> = payloads.into_iter().map(value).collect();
        // `signal(null)` and trailing undefined arguments mean "not given".
        while values.last() == Some(&Ok(Value::Null)) {
            values.pop();
        }
        Ok(Self(values))
    }
}

impl TemporalSerializable for Args {
    fn to_payload(&self, _: &SerializationContext<'_>) -> Result<Payload, PayloadConversionError> {
        Err(PayloadConversionError::WrongEncoding)
    }

    fn to_payloads(&self, _: &SerializationContext<'_>) -> Result<Vec<Payload>, PayloadConversionError> {
        let payload = |value: &Result<Value, String>| {
            let data = serde_json::to_vec(value.as_ref().unwrap_or(&Value::Null))
                .map_err(|error| PayloadConversionError::EncodingError(Box::new(error)))?;
            Ok(Payload {
                metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
                data,
                ..Payload::default()
            })
        };
        self.0.iter().map(payload).collect()
    }
}
