//! Whether a value fits a JSON Schema, as far as ours use it.

use serde_json::{Map, Value, json};

/// Whether a value fits a schema of the document; where it does not.
pub(crate) fn misfit(document: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#')).expect("references lead somewhere");
        return misfit(document, target, value, at);
    }
    let fits = |schema: &Value| misfit(document, schema, value, at).is_none();
    for (key, least, most) in [("oneOf", 1, 1), ("anyOf", 1, usize::MAX)] {
        if let Some(choices) = schema[key].as_array() {
            let found = choices.iter().filter(|choice| fits(choice)).count();
            if !(least..=most).contains(&found) {
                return Some(format!("{at}: {value} fits {found} of {key} {}", schema[key]));
            }
        }
    }
    let mut parts = schema["allOf"].as_array().into_iter().flatten();
    if let Some(wrong) = parts.find_map(|part| misfit(document, part, value, at)) {
        return Some(wrong);
    }
    if let Some(known) = schema["enum"].as_array().filter(|known| !known.contains(value)) {
        return Some(format!("{at}: {value} is none of {known:?}"));
    }
    let types = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|name| is_a(name, value)) {
        return Some(format!("{at}: {value} is no {types:?}"));
    }
    if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), value.as_f64())
        && number < least
    {
        return Some(format!("{at}: {value} is less than {least}"));
    }
    match value {
        Value::Object(fields) => in_object(document, schema, fields, at),
        Value::Array(items) => {
            let item = |(n, item)| misfit(document, &schema["items"], item, &format!("{at}[{n}]"));
            items.iter().enumerate().find_map(item)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn in_object(document: &Value, schema: &Value, fields: &Map<String, Value>, at: &str) -> Option<String> {
    let mut required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    if let Some(missing) = required.find(|name| !fields.contains_key(*name)) {
        return Some(format!("{at}: {missing} is missing"));
    }
    fields.iter().find_map(|(name, value)| {
        let property = &schema["properties"][name];
        let property = if property.is_null() { &schema["additionalProperties"] } else { property };
        match property {
            Value::Bool(false) => Some(format!("{at}: {name} is unheard of")),
            Value::Object(_) => misfit(document, property, value, &format!("{at}.{name}")),
            _ => None,
        }
    })
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("the schema knows a type {other}"),
    }
}

/// The checker itself can fail.
#[test]
fn a_body_that_does_not_fit_is_found() {
    let document = json!({"components": {"schemas": {"Inner": {"type": "object", "required": ["n"],
        "properties": {"n": {"type": "integer"}, "e": {"type": "string", "enum": ["a"]}}}}}});
    let schema = json!({"allOf": [{"type": "object", "properties":
        {"inner": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Inner"}]}, "list":
            {"type": "array", "items": {"type": ["string", "null"]}}}}]});
    let fits = |value: Value| misfit(&document, &schema, &value, "").is_none();
    assert!(fits(json!({"inner": {"n": 1, "e": "a"}, "list": ["x", null]})) && fits(json!({"inner": null})));
    for wrong in [
        json!([]),
        json!({"inner": {}}),
        json!({"inner": {"n": "1"}}),
        json!({"inner": {"n": 1, "e": "b"}}),
        json!({"list": [1]}),
    ] {
        assert!(!fits(wrong.clone()), "{wrong}");
    }
}
