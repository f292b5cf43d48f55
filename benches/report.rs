//! What is printed of what was measured.

use std::io::Write as _;
use std::time::Duration;

/// One measure, over all rounds.
pub(crate) struct Series(Vec<f64>);

impl Series {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn add_millis(&mut self, duration: Duration) {
        self.add(duration.as_secs_f64() * 1e3);
    }

    pub(crate) fn add_count(&mut self, count: usize) {
        // Exact up to four milliards.
        self.add(u32::try_from(count).map_or(f64::INFINITY, f64::from));
    }

    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let index = ((sorted.len() as f64 - 1.0) * share).round() as usize;
        sorted.get(index).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

/// What a measure is held against.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    /// The median must not be above it.
    Median(f64),
    /// Nor may 99 of 100.
    Rare(f64),
    /// Not even once.
    Ever(f64),
    /// It is printed to be known.
    None,
}

/// A line of the report.
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) ours: &'a Series,
    /// The same, in the same run, of a program that does no more than it must.
    pub(crate) control: Option<&'a Series>,
    pub(crate) bound: Bound,
    /// The best other console's figure, from another run.
    pub(crate) peer: &'a str,
}

pub(crate) fn say(words: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{words}")?)
}

pub(crate) fn head() -> anyhow::Result<()> {
    say(&format!(
        "{:<38}{:>5}{:>10}{:>10}{:>10}{:>10}{:>7}{:>10}   {:<5} {}",
        "measure", "n", "least", "median", "p99", "control", "ratio", "bound", "", "best peer"
    ))
}

impl Line<'_> {
    /// Prints it.
    pub(crate) fn say(&self) -> anyhow::Result<()> {
        let Self { name, ours, control, bound, peer } = self;
        let (median, rare) = (ours.median(), ours.quantile(0.99));
        let number = |value: f64| if value.abs() < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") };
        let control = control.map(Series::median);
        let ratio = control.filter(|control| *control > 0.0).map(|control| format!("{:.2}", median / control));
        let (limit, held) = match *bound {
            Bound::Median(limit) => (Some(limit), median),
            Bound::Rare(limit) => (Some(limit), rare),
            Bound::Ever(limit) => (Some(limit), ours.quantile(1.0)),
            Bound::None => (None, median),
        };
        let verdict = limit.map_or("", |limit| if held <= limit { "pass" } else { "MISS" });
        say(&format!(
            "{name:<38}{:>5}{:>10}{:>10}{:>10}{:>10}{:>7}{:>10}   {verdict:<5} {peer}",
            ours.0.len(),
            number(ours.quantile(0.0)),
            number(median),
            number(rare),
            control.map_or_else(|| "–".to_owned(), number),
            ratio.unwrap_or_else(|| "–".to_owned()),
            limit.map_or_else(|| "–".to_owned(), number),
        ))
    }
}
