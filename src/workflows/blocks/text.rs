//! Texts of workflows: cutting what is too long, and one line out of a failed activity.

use temporalio_sdk::ActivityExecutionError;

/// How many characters of a failure are kept in state and memo; the whole of it is in the history.
const FAILURE: usize = 240;

/// At most `most` characters of `text`; what is cut ends in `…`.
pub fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept.push('…');
    kept
}

/// Why an activity failed, in one line: the innermost cause, which is what the activity itself said.
pub fn failure(error: &ActivityExecutionError) -> String {
    let said = error.failure().map_or_else(
        || error.to_string(),
        |mut failure| {
            while let Some(cause) = failure.cause.as_deref() {
                failure = cause;
            }
            failure.message.clone()
        },
    );
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    clip(if line.is_empty() { "it failed and did not say why" } else { &line }, FAILURE)
}

#[cfg(test)]
mod tests {
    use super::clip;

    #[test]
    fn clipping_counts_characters_and_shows_that_it_cut() {
        for (text, most, expected) in
            [("", 3, ""), ("äöü", 3, "äöü"), ("äöüß", 3, "äö…"), ("abc", 0, "…"), ("abc", 1, "…")]
        {
            assert_eq!(clip(text, most), expected, "{text} to {most}");
        }
    }
}
