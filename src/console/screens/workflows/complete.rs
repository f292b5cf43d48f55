//! Completion of search attributes in a visibility query.

use crate::contracts::temporal::names::attribute;

/// Attributes every server has, and operators and values of the query language.
const BUILT_IN: [&str; 22] = [
    "ExecutionStatus",
    "WorkflowId",
    "WorkflowType",
    "RunId",
    "StartTime",
    "CloseTime",
    "ExecutionTime",
    "TaskQueue",
    "ParentWorkflowId",
    "RootWorkflowId",
    "BuildIds",
    "AND",
    "OR",
    "ORDER BY",
    "BETWEEN",
    "STARTS_WITH",
    "IS NULL",
    "IS NOT NULL",
    "'Running'",
    "'Completed'",
    "'Failed'",
    "'TimedOut'",
];

/// Names that the last word of a query could become.
pub fn candidates(query: &str) -> Vec<&'static str> {
    let word = last_word(query).to_lowercase();
    if word.is_empty() {
        return Vec::new();
    }
    let ours = attribute::ALL.iter().map(|(name, _)| *name);
    ours.chain(BUILT_IN).filter(|name| name.to_lowercase().starts_with(&word) && *name != last_word(query)).collect()
}

/// What is missing of the first candidate, or of what all candidates share.
pub fn completed(query: &str) -> Option<String> {
    let found = candidates(query);
    let first = found.first()?;
    let shared = found.iter().fold(first.len(), |shared, other| {
        let same = first.char_indices().zip(other.chars()).take_while(|((_, a), b)| a == b);
        shared.min(same.last().map_or(0, |((at, c), _)| at + c.len_utf8()))
    });
    let word = last_word(query);
    let grown = if shared > word.len() { first.get(..shared)? } else { first };
    let start = query.len() - word.len();
    Some(format!("{}{grown}", query.get(..start)?))
}

fn last_word(query: &str) -> &str {
    let start = query.rfind(|c: char| c.is_whitespace() || "=<>!(),".contains(c)).map_or(0, |at| at + 1);
    query.get(start..).unwrap_or_default()
}
