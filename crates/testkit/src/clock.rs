//! A clock that stands still until a test moves it.

use std::time::Duration;

use parking_lot::Mutex;
use tertulia_domain::{Clock, Timestamp};

/// Where every [`TestClock`] starts: the moment of the example session in the
/// KaapehChat contract, 2026-02-18 07:33:20.123 UTC.
pub const START: Timestamp = Timestamp::from_millis(1_771_400_000_123);

/// Stands at [`START`] until it is told to go on.
#[derive(Debug, Default)]
pub struct TestClock {
    passed: Mutex<Duration>,
}

impl TestClock {
    /// Lets time pass, by both of the clock's scales.
    pub fn advance(&self, by: Duration) {
        *self.passed.lock() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        START.after(*self.passed.lock())
    }

    fn monotonic(&self) -> Duration {
        *self.passed.lock()
    }
}
