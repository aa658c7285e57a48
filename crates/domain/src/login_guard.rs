//! Slows down guessing of passwords, and registering without end: after a number
//! of failures for one account or from one address, or of accounts registered
//! from one address, each further try must wait, longer each time, never for
//! good (`reliability.md` §2; KaapehChat's contract §6).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use parking_lot::Mutex;

use crate::{Clock, Error, Limits, Result};

/// Accounts and addresses that are remembered at once.
const REMEMBERED: u64 = 100_000;
/// After so long without a failure all is forgotten.
const FORGIVEN_AFTER: Duration = Duration::from_secs(15 * 60);
const LONGEST_DELAY: Duration = Duration::from_secs(60);

pub(crate) struct LoginGuard {
    clock: Arc<dyn Clock>,
    failures: Cache<Key, Arc<Mutex<Failures>>>,
    per_account: u32,
    per_address: u32,
    registrations: u32,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Account(String),
    Address(IpAddr),
    Registrations(IpAddr),
}

#[derive(Default)]
struct Failures {
    count: u32,
    /// By the monotonic clock.
    next_try: Duration,
}

impl LoginGuard {
    pub(crate) fn new(clock: Arc<dyn Clock>, limits: &Limits) -> Self {
        Self {
            clock,
            failures: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_idle(FORGIVEN_AFTER)
                .build(),
            per_account: limits.login_failures_per_account,
            per_address: limits.login_failures_per_address,
            registrations: limits.registrations_per_address,
        }
    }

    /// May this account be tried from this address now?
    pub(crate) fn check(&self, account: &str, address: Option<IpAddr>) -> Result<()> {
        self.wait_of(keys(account, address))
    }

    /// The try failed.
    pub(crate) fn failed(&self, account: &str, address: Option<IpAddr>) {
        keys(account, address).for_each(|key| self.count(key));
    }

    /// May an account be registered from this address now?
    pub(crate) fn check_registration(&self, address: Option<IpAddr>) -> Result<()> {
        self.wait_of(address.map(Key::Registrations).into_iter())
    }

    /// An account was registered from this address.
    pub(crate) fn registered(&self, address: Option<IpAddr>) {
        address
            .map(Key::Registrations)
            .into_iter()
            .for_each(|key| self.count(key));
    }

    fn wait_of(&self, keys: impl Iterator<Item = Key>) -> Result<()> {
        let now = self.clock.monotonic();
        let wait = keys
            .filter_map(|key| self.failures.get(&key))
            .map(|failures| failures.lock().next_try.saturating_sub(now))
            .max()
            .unwrap_or_default();
        if wait.is_zero() {
            return Ok(());
        }
        Err(Error::SlowDown { retry_after: wait })
    }

    fn count(&self, key: Key) {
        let free = match key {
            Key::Account(_) => self.per_account,
            Key::Address(_) => self.per_address,
            Key::Registrations(_) => self.registrations,
        };
        let failures = self.failures.get_with(key, Arc::default);
        let mut failures = failures.lock();
        failures.count = failures.count.saturating_add(1);
        failures.next_try = self.clock.monotonic() + delay(failures.count.saturating_sub(free));
    }

    /// The account's owner is there: its failures are forgotten, the address's
    /// are not.
    pub(crate) fn succeeded(&self, account: &str) {
        self.failures.invalidate(&Key::Account(account.to_owned()));
    }
}

fn keys(account: &str, address: Option<IpAddr>) -> impl Iterator<Item = Key> {
    std::iter::once(Key::Account(account.to_owned())).chain(address.map(Key::Address))
}

/// 1 s, 2 s, 4 s … for the first, second, third failure too many.
fn delay(too_many: u32) -> Duration {
    match too_many {
        0 => Duration::ZERO,
        n => Duration::from_secs(1 << (n - 1).min(6)).min(LONGEST_DELAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[derive(Default)]
    struct Hands(Mutex<Duration>);

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_secs(0)
        }

        fn monotonic(&self) -> Duration {
            *self.0.lock()
        }
    }

    fn guard() -> (Arc<Hands>, LoginGuard) {
        let clock = Arc::<Hands>::default();
        let guard = LoginGuard::new(Arc::clone(&clock) as _, &Limits::default());
        (clock, guard)
    }

    fn wait(guard: &LoginGuard, account: &str, address: Option<IpAddr>) -> u64 {
        match guard.check(account, address) {
            Ok(()) => 0,
            Err(Error::SlowDown { retry_after }) => retry_after.as_secs(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn the_sixth_failure_costs_a_second_and_each_further_one_twice_as_much() {
        let (clock, guard) = guard();
        let waits: Vec<_> = (0..14)
            .map(|_| {
                guard.failed("ines", None);
                wait(&guard, "ines", None)
            })
            .collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(
            wait(&guard, "tomas", None),
            0,
            "another account is not touched"
        );
        *clock.0.lock() += Duration::from_secs(60);
        assert_eq!(wait(&guard, "ines", None), 0, "never a permanent lock");
    }

    #[test]
    fn after_many_registrations_from_one_address_the_next_must_wait() {
        let (clock, guard) = guard();
        let (campus, home) = (
            Some(IpAddr::from([10, 0, 0, 1])),
            Some(IpAddr::from([10, 0, 0, 2])),
        );
        (0..200).for_each(|_| guard.registered(campus));
        assert!(guard.check_registration(campus).is_ok());
        guard.registered(campus);
        assert!(matches!(
            guard.check_registration(campus),
            Err(Error::SlowDown { .. })
        ));
        assert!(
            guard.check_registration(home).is_ok(),
            "another address is not touched"
        );
        assert_eq!(wait(&guard, "ines", campus), 0, "logins are not touched");
        *clock.0.lock() += Duration::from_secs(1);
        assert!(guard.check_registration(campus).is_ok());
    }

    #[test]
    fn the_owner_clears_the_account_but_not_the_address() {
        let (_clock, guard) = guard();
        let campus = Some(IpAddr::from([10, 0, 0, 1]));
        for account in 0..51 {
            guard.failed(&account.to_string(), campus);
        }
        assert_eq!(wait(&guard, "ines", campus), 1);
        guard.succeeded("ines");
        assert_eq!(wait(&guard, "ines", campus), 1);
        assert_eq!(wait(&guard, "ines", None), 0);
    }
}
