//! How many colours the terminal can show. It reads what it is told of the environment, never the environment itself.

/// Colours a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None, or not wanted: weight and signs carry every distinction.
    Mono,
    /// The sixteen of the terminal's own palette.
    Ansi16,
    Ansi256,
    Rgb,
}

impl Depth {
    /// From `NO_COLOR`, `COLORTERM` and `TERM`, looked up with `env`.
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        // https://no-color.org: present and not empty, whatever it says.
        if set("NO_COLOR").is_some() {
            return Self::Mono;
        }
        let term = set("TERM").unwrap_or_default();
        if matches!(term.as_str(), "dumb" | "vt52" | "vt100" | "vt102" | "vt220") {
            return Self::Mono;
        }
        let colorterm = set("COLORTERM").unwrap_or_default();
        if matches!(colorterm.as_str(), "truecolor" | "24bit") || term.ends_with("-direct") {
            return Self::Rgb;
        }
        if term.contains("256color") { Self::Ansi256 } else { Self::Ansi16 }
    }

    /// What a person writes to force a depth.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "mono" => Some(Self::Mono),
            "16" => Some(Self::Ansi16),
            "256" => Some(Self::Ansi256),
            "rgb" => Some(Self::Rgb),
            _ => None,
        }
    }
}
