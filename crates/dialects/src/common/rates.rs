//! How fast each user may send (`reliability.md` §2), and how many are let in at
//! the same moment. Beyond the first the old dialects are read more slowly, and
//! `/v1` is refused; beyond the second everybody waits for their turn.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tertulia_domain::UserId;

use super::entering::Entering;
use super::settings::TransportSettings;

/// After so many checks, users who have their whole burst again are forgotten.
const SWEEP_EVERY: u32 = 16 * 1024;

/// The rates of one node.
pub struct Rates {
    messages: DefaultKeyedRateLimiter<UserId>,
    clock: DefaultClock,
    checks: AtomicU32,
    entering: Entering,
}

impl Rates {
    /// With the rates that the settings name.
    #[must_use]
    pub fn new(settings: &TransportSettings) -> Self {
        let quota =
            Quota::per_second(settings.messages_per_second).allow_burst(settings.message_burst);
        Self {
            messages: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            checks: AtomicU32::new(0),
            entering: Entering::new(settings.entering_at_once),
        }
    }

    /// Turns for clients that are just being let in.
    pub fn entering(&self) -> &Entering {
        &self.entering
    }

    /// Counts one message of a user.
    ///
    /// # Errors
    /// How long to wait, when the user has sent too many; this one then does
    /// not count.
    pub fn check_message(&self, user: UserId) -> Result<(), Duration> {
        self.sweep_sometimes();
        self.messages
            .check_key(&user)
            .map_err(|refused| refused.wait_time_from(self.clock.now()))
    }

    /// Keeps memory in proportion to the users who sent lately.
    fn sweep_sometimes(&self) {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.messages.retain_recent();
            self.messages.shrink_to_fit();
        }
    }
}

impl std::fmt::Debug for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rates")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(per_second: u32, burst: u32) -> Rates {
        Rates::new(&TransportSettings {
            messages_per_second: per_second.try_into().expect("the rate is not zero"),
            message_burst: burst.try_into().expect("the burst is not zero"),
            ..TransportSettings::default()
        })
    }

    #[test]
    fn a_burst_passes_and_what_follows_waits() {
        let rates = rates(1, 3);
        for _ in 0..3 {
            assert_eq!(rates.check_message(UserId(1)), Ok(()));
        }
        let wait = rates
            .check_message(UserId(1))
            .expect_err("the burst is spent");
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1));
        assert_eq!(rates.check_message(UserId(2)), Ok(()), "another user");
    }

    #[test]
    fn users_who_have_rested_are_forgotten() {
        let rates = rates(1_000_000_000, 1);
        for user in 0..i64::from(SWEEP_EVERY) {
            assert_eq!(rates.check_message(UserId(user)), Ok(()));
        }
        assert!(rates.messages.len() < 1_000, "{}", rates.messages.len());
    }
}
