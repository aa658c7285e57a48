//! Times of single operations, and what is quoted of them.

use std::fmt;
use std::time::Duration;

/// The most times that are kept; beyond it they no longer count.
const MOST: usize = 4_000_000;

/// Times that were taken, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// Adds those that were taken at another time.
    pub(crate) fn join(&mut self, others: Self) {
        self.0.extend(others.0);
        self.0.sort_unstable();
    }

    /// The time that this share of all stays below.
    pub(crate) fn at(&self, share: f64) -> Duration {
        // The share is within 0 and 1, and the count far below 2^52.
        let index = (self.0.len() as f64 * share) as usize;
        let index = index.min(self.0.len().saturating_sub(1));
        self.0.get(index).copied().unwrap_or_default()
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

/// Adds a time, as long as there is room.
pub(crate) fn note(times: &mut Vec<Duration>, time: Duration) {
    if times.len() < MOST {
        times.push(time);
    }
}
