//! Commands that a person is told to run: copied as they stand, they mean what they say.

use crate::contracts::text;

/// The words as one command line, each quoted where a shell would read it as something else.
pub fn command<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Quoted whenever it holds anything a shell could read as its own.
fn word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    if text::block(word) == word {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    // What a terminal must not be given is written so that the shell makes it.
    let escaped = word.chars().map(|c| match c {
        '\'' | '\\' => format!("\\{c}"),
        c if text::line(c.encode_utf8(&mut [0; 4])).len() > c.len_utf8() => format!("\\U{:08x}", u32::from(c)),
        c => c.to_string(),
    });
    format!("$'{}'", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::command;

    #[test]
    fn a_shell_reads_every_word_as_it_was_meant() {
        for (word, quoted) in [
            ("deploy-checkout-42", "deploy-checkout-42"),
            ("it's; rm -rf $HOME", r"'it'\''s; rm -rf $HOME'"),
            ("", "''"),
            ("a\u{1b}b", "$'a\\U0000001bb'"),
        ] {
            assert_eq!(command(["gatewatch", "show", word]), format!("gatewatch show {quoted}"));
        }
    }
}
