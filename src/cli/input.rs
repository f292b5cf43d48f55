//! Values on the command line: JSON, a file of it, or standard input.

use std::io::Read as _;

use serde_json::Value;

use crate::cli::exit::Stop;

/// What was given: the text itself, `@FILE`, or `-` for standard input.
pub fn text(given: &str) -> Result<String, Stop> {
    match given.strip_prefix('@') {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|error| Stop::usage(format!("{path} cannot be read: {error}."), ""))
        }
        None if given == "-" => {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text)?;
            Ok(text)
        }
        None => Ok(given.to_owned()),
    }
}

/// The same as JSON.
pub fn json(given: &str) -> Result<Value, Stop> {
    serde_json::from_str(&text(given)?).map_err(|error| Stop::usage(format!("The input is not JSON: {error}."), ""))
}

/// JSON where it is JSON, text where it is not.
pub fn loose(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}
