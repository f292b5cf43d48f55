//! How long what failed rests before it is tried again.

use std::time::Duration;

use crate::contracts::clock::Millis;

/// The first rest of what the store keeps until it is done, and the longest.
const FIRST: Duration = Duration::from_millis(500);
pub const LONGEST: Duration = Duration::from_secs(30);

/// Twice as long after each try, the first of which is number 1.
pub fn doubling(tries: u32, first: Duration, longest: Duration) -> Duration {
    first.saturating_mul(1 << tries.saturating_sub(1).min(10)).min(longest)
}

/// The same of what the store keeps.
pub fn of_kept(tries: u32) -> Millis {
    doubling(tries, FIRST, LONGEST).into()
}

#[cfg(test)]
mod tests {
    use super::of_kept;
    use crate::contracts::clock::Millis;

    #[test]
    fn it_doubles_from_the_first_try_to_the_longest_rest() {
        let rests = [0, 1, 2, 3, 6, 7, 8, u32::MAX].map(of_kept);
        assert_eq!(rests, [500, 500, 1000, 2000, 16_000, 30_000, 30_000, 30_000].map(Millis));
    }
}
