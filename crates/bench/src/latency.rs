//! Times of single operations, and what is quoted of them.

use std::fmt;
use std::time::Duration;

/// Every time that was taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    fn at(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        // The share is within 0 and 1, and the count far below 2^52.
        let index = (sorted.len() as f64 * share) as usize;
        sorted
            .get(index.min(sorted.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |share| self.at(share).as_secs_f64() * 1e3;
        write!(f, "{:.2} / {:.2} / {:.2}", ms(0.5), ms(0.99), ms(0.999))
    }
}

/// The heading of a column of [`Latencies`].
pub(crate) const HEADING: &str = "p50 / p99 / p99.9 ms";
