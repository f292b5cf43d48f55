//! Payloads: what the server carries for others, decoded with suspicion. Nothing in one can panic, hang, fill the
//! memory or reach the terminal.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use temporalio_common::protos::temporal::api::common::v1::{Payload, Payloads};

use crate::contracts::text;
use crate::contracts::workflow::PayloadText;

/// More than this is not looked into.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// More than this of one payload is not shown.
const SHOWN_BYTES: usize = 32 * 1024;
/// How many bytes of something unreadable are shown.
const HEX_BYTES: usize = 32;

/// How a payload says it is encoded.
pub(crate) fn encoding(payload: &Payload) -> String {
    payload
        .metadata
        .get("encoding")
        .map(|word| text::line(&String::from_utf8_lossy(word)).into_owned())
        .unwrap_or_default()
}

/// A payload as JSON, its text made safe to show; none when it is something else.
pub(crate) fn json(payload: &Payload) -> Option<Value> {
    raw_json(payload).map(safe)
}

/// A payload as JSON, untouched: for digests and for what is sent back.
pub(crate) fn raw_json(payload: &Payload) -> Option<Value> {
    match encoding(payload).as_str() {
        "json/plain" | "json/protobuf" if payload.data.len() <= MAX_BYTES => serde_json::from_slice(&payload.data).ok(),
        "binary/null" => Some(Value::Null),
        _ => None,
    }
}

/// A payload as a `T`, its text made safe to show.
pub(crate) fn decode<T: DeserializeOwned>(payload: &Payload) -> Option<T> {
    serde_json::from_value(json(payload)?).ok()
}

/// The first of several payloads, as a `T`.
pub(crate) fn first<T: DeserializeOwned>(payloads: Option<&Payloads>) -> Option<T> {
    decode(payloads?.payloads.first()?)
}

/// A value to send.
pub(crate) fn encode(value: &Value) -> Payload {
    let mut payload = Payload { data: value.to_string().into_bytes(), ..Payload::default() };
    payload.metadata.insert("encoding".to_owned(), b"json/plain".to_vec());
    payload
}

/// Values to send, in their order.
pub(crate) fn encode_all(values: &[Value]) -> Option<Payloads> {
    (!values.is_empty()).then(|| Payloads { payloads: values.iter().map(encode).collect() })
}

/// Every text of a value, keys too, made safe to show.
pub(crate) fn safe(value: Value) -> Value {
    match value {
        Value::String(string) => Value::String(text::line(&string).into_owned()),
        Value::Array(values) => Value::Array(values.into_iter().map(safe).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (text::line(&key).into_owned(), safe(value))).collect())
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain,
    }
}

/// Payloads as text for a person; several of one name are numbered.
pub(crate) fn show_all(name: &str, payloads: Option<&Payloads>) -> Vec<PayloadText> {
    let payloads = payloads.map_or(&[][..], |payloads| &payloads.payloads);
    let numbered = |at: usize| if payloads.len() == 1 { name.to_owned() } else { format!("{name} {}", at + 1) };
    payloads.iter().enumerate().map(|(at, payload)| show(&numbered(at), payload)).collect()
}

/// One payload as text: pretty JSON, plain text, or a note of what it is. What is cut off is counted.
pub(crate) fn show(name: &str, payload: &Payload) -> PayloadText {
    let encoding = encoding(payload);
    let data = &payload.data;
    let text = match encoding.as_str() {
        "binary/null" => "null".to_owned(),
        "json/plain" | "json/protobuf" => pretty(data),
        "binary/plain" => plain(data),
        "binary/encrypted" => format!("encrypted, {} bytes: only its owner's codec can read it", data.len()),
        "" if data.is_empty() => "empty".to_owned(),
        other => format!("{} ({})", hex(data), if other.is_empty() { "no encoding named" } else { "unknown encoding" }),
    };
    PayloadText {
        name: text::line(name).into_owned(),
        bytes: u64::try_from(data.len()).unwrap_or(u64::MAX),
        text: text::block(&text).into_owned(),
        encoding,
    }
}

fn plain(data: &[u8]) -> String {
    match std::str::from_utf8(data) {
        Ok(text) => cut(text),
        Err(_) => hex(data),
    }
}

fn hex(data: &[u8]) -> String {
    let shown: Vec<_> = data.iter().take(HEX_BYTES).map(|byte| format!("{byte:02x}")).collect();
    let more = data.len().saturating_sub(HEX_BYTES);
    let rest = if more == 0 { String::new() } else { format!(" … {more} more bytes") };
    format!("{}{rest}", shown.join(" "))
}

fn cut(text: &str) -> String {
    if text.len() <= SHOWN_BYTES {
        return text.to_owned();
    }
    let end = (0..=SHOWN_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}\n… {} more bytes", &text[..end], text.len() - end)
}

/// Indents JSON without touching a token: numbers keep their digits, keys their order.
fn pretty(data: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(data) else { return hex(data) };
    // Longer than what is shown: not worth parsing, and its end could not be shown anyway.
    if text.len() > SHOWN_BYTES || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return cut(text);
    }
    let mut indented = Indented::default();
    for c in text.chars() {
        indented.push(c);
    }
    cut(&indented.text)
}

#[derive(Default)]
struct Indented {
    text: String,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// An opened bracket whose first item has not come yet: `{}` and `[]` stay together.
    opened: bool,
}

impl Indented {
    fn push(&mut self, c: char) {
        if self.in_string {
            self.text.push(c);
            self.in_string = self.escaped || c != '"';
            self.escaped = !self.escaped && c == '\\';
            return;
        }
        match c {
            c if c.is_ascii_whitespace() => return,
            '}' | ']' => {
                self.depth = self.depth.saturating_sub(1);
                if !std::mem::take(&mut self.opened) {
                    self.new_line();
                }
                self.text.push(c);
                return;
            }
            _ => {}
        }
        if std::mem::take(&mut self.opened) {
            self.new_line();
        }
        self.text.push(c);
        match c {
            '{' | '[' => {
                self.depth += 1;
                self.opened = true;
            }
            ',' => self.new_line(),
            ':' => self.text.push(' '),
            '"' => self.in_string = true,
            _ => {}
        }
    }

    fn new_line(&mut self) {
        self.text.push('\n');
        // Deeper nesting than this is not read by its indentation any more.
        self.text.extend(std::iter::repeat_n("  ", self.depth.min(40)));
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, SHOWN_BYTES, decode, json, show};
    use crate::contracts::health::HealthReport;
    use crate::contracts::temporal::memo::Published;
    use proptest::prelude::{any, prop, prop_assert, proptest};
    use temporalio_common::protos::temporal::api::common::v1::Payload;

    fn payload(encoding: &str, data: impl Into<Vec<u8>>) -> Payload {
        let mut payload = Payload { data: data.into(), ..Payload::default() };
        payload.metadata.insert("encoding".to_owned(), encoding.as_bytes().to_vec());
        payload
    }

    #[test]
    fn json_is_indented_and_keeps_its_tokens() {
        let shown =
            show("input", &payload("json/plain", r#"{"b":1.10,"a":[{},[],"x, {y}\"",18446744073709551616],"c":null}"#));
        let expected = "{\n  \"b\": 1.10,\n  \"a\": [\n    {},\n    [],\n    \"x, {y}\\\"\",\n    18446744073709551616\n  ],\n  \"c\": null\n}";
        assert_eq!(shown.text, expected);
    }

    #[test]
    fn what_cannot_be_read_says_what_it_is() {
        let text = |encoding: &str, data: &[u8]| show("x", &payload(encoding, data)).text;
        assert_eq!(text("binary/null", b""), "null");
        assert!(text("binary/encrypted", b"abc").starts_with("encrypted, 3 bytes"));
        assert_eq!(text("json/plain", b"{oops"), "{oops");
        assert_eq!(text("json/plain", &[0xff, 0x00]), "ff 00");
        assert!(text("proto/mine", &[7; 100]).contains("… 68 more bytes (unknown encoding)"));
        assert_eq!(show("x", &Payload::default()).text, "empty");
    }

    #[test]
    fn what_is_cut_off_is_counted() {
        let long = format!("\"{}\"", "ü".repeat(SHOWN_BYTES));
        let shown = show("x", &payload("json/plain", long.as_bytes()));
        // The cut falls inside a two-byte character, so one byte more is left over.
        assert!(shown.text.ends_with(&format!("… {} more bytes", long.len() - SHOWN_BYTES + 1)));
        assert_eq!(shown.bytes, long.len() as u64);
        assert!(json(&payload("json/plain", vec![b' '; MAX_BYTES + 1])).is_none());
    }

    #[test]
    fn hostile_text_is_escaped_wherever_it_stands() {
        let published: Published =
            decode(&payload("json/plain", "{\"v\":1,\"title\":\"a\\u001b[31m\\u202eb\"}")).unwrap();
        assert_eq!(published.title, "a\\u{1b}[31m\\u{202e}b");
        let shown = show("x\x1b", &payload("binary/plain", "\x1b]0;x\x07\u{202e}"));
        assert!(
            !shown.text.chars().any(char::is_control)
                && !shown.text.contains('\u{202e}')
                && !shown.name.contains('\x1b')
        );
    }

    proptest! {
        #[test]
        fn no_payload_makes_it_panic(
            encoding in prop::sample::select(vec!["json/plain", "json/protobuf", "binary/plain", "binary/null", "x\u{202e}", ""]),
            data in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let payload = payload(encoding, data);
            let shown = show("input", &payload);
            prop_assert!(!shown.text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
            let _ = (decode::<Published>(&payload), decode::<HealthReport>(&payload));
        }

        #[test]
        fn json_like_noise_neither(data in "[\\[\\]{}\",:\\\\ a0-]{0,200}") {
            let payload = payload("json/plain", data.as_bytes());
            let shown = show("input", &payload).text;
            let kept = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert!(kept(&shown) == kept(&data));
            let _ = decode::<Published>(&payload);
        }
    }

    #[test]
    fn deep_nesting_does_not_exhaust_the_stack() {
        let deep = "[".repeat(15_000) + &"]".repeat(15_000);
        let payload = payload("json/plain", deep);
        assert!(json(&payload).is_none());
        assert!(show("x", &payload).text.starts_with("[\n  [\n    ["));
    }
}
