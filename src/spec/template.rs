//! Payloads with holes: `${expression}` in any text of a payload.
//!
//! A text that is one hole becomes the expression's value, whatever its type; in a longer text the value is written
//! out. `$${` is a literal `${`.

use serde_json::{Map, Value};

use crate::spec::expression::Expression;
use crate::spec::facts::Scope;

/// A payload whose holes are compiled.
#[derive(Debug)]
pub enum Template {
    /// Nothing to fill in.
    Plain(Value),
    Hole(Expression),
    Text(Vec<Part>),
    List(Vec<Template>),
    Object(Vec<(String, Template)>),
}

/// A piece of a text.
#[derive(Debug)]
pub enum Part {
    Plain(String),
    Hole(Expression),
}

impl Template {
    /// Compiles every hole; the error says which one.
    pub fn compile(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Self::text(text),
            Value::Array(items) => Ok(Self::List(items.iter().map(Self::compile).collect::<Result<_, _>>()?)),
            Value::Object(fields) => {
                let field = |(name, value): (&String, &Value)| {
                    let value = Self::compile(value).map_err(|why| format!("{name}: {why}"))?;
                    Ok::<_, String>((name.clone(), value))
                };
                Ok(Self::Object(fields.iter().map(field).collect::<Result<_, _>>()?))
            }
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => Ok(Self::Plain(plain.clone())),
        }
    }

    fn text(text: &str) -> Result<Self, String> {
        let mut parts = parts(text)?;
        Ok(match parts.len() {
            0 => Self::Plain(Value::String(String::new())),
            1 => match parts.remove(0) {
                Part::Hole(expression) => Self::Hole(expression),
                Part::Plain(text) => Self::Plain(Value::String(text)),
            },
            _ => Self::Text(parts),
        })
    }

    /// The payload with every hole filled.
    pub fn fill(&self, scope: &Scope) -> Result<Value, String> {
        match self {
            Self::Plain(value) => Ok(value.clone()),
            Self::Hole(expression) => expression.json(scope),
            Self::Text(parts) => {
                parts.iter().map(|part| part.fill(scope)).collect::<Result<String, _>>().map(Value::String)
            }
            Self::List(items) => items.iter().map(|item| item.fill(scope)).collect::<Result<_, _>>().map(Value::Array),
            Self::Object(fields) => {
                let mut filled = Map::new();
                for (name, template) in fields {
                    filled.insert(name.clone(), template.fill(scope)?);
                }
                Ok(Value::Object(filled))
            }
        }
    }
}

impl Part {
    fn fill(&self, scope: &Scope) -> Result<String, String> {
        match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Hole(expression) => {
                let value = expression.json(scope)?;
                Ok(match value.as_str() {
                    Some(text) => text.to_owned(),
                    None if value.is_null() => String::new(),
                    None => value.to_string(),
                })
            }
        }
    }
}

/// Cuts a text at its holes.
fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        if let Some(literal) = before.strip_suffix('$') {
            plain.push_str(literal);
            plain.push_str("${");
            rest = &after[2..];
            continue;
        }
        plain.push_str(before);
        let end = end_of_hole(&after[2..]).ok_or_else(|| format!("`{text}` opens `${{` and never closes it"))?;
        if !plain.is_empty() {
            parts.push(Part::Plain(std::mem::take(&mut plain)));
        }
        parts.push(Part::Hole(Expression::compile(after[2..2 + end].trim())?));
        rest = &after[2 + end + 1..];
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        parts.push(Part::Plain(plain));
    }
    Ok(parts)
}

/// Where the brace stands that closes a hole: braces may nest, and do not count inside quotes.
fn end_of_hole(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            (Some(_) | None, _) => {}
        }
    }
    None
}
