//! Slows down guessing of passwords, and registering without end: after a number
//! of failures for one account or from one address, or of accounts registered
//! from one address, each further try must wait, longer each time, never for
//! good (`reliability.md` §2; KaapehChat's contract §6).
//!
//! A try is counted while it is under way, so that many at once get no further
//! than one after the other.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::{Clock, Error, Limits, Result};

/// Accounts and addresses that are remembered at once.
const REMEMBERED: u64 = 100_000;
/// After so long without a failure all is forgotten.
const FORGIVEN_AFTER: Duration = Duration::from_secs(15 * 60);
const LONGEST_DELAY: Duration = Duration::from_secs(60);
/// Tries under way at once for one account: as many devices as a user may have.
const AT_ONCE_FOR_ACCOUNT: u32 = 20;
/// Tries under way at once from one address: a campus may sit behind one.
const AT_ONCE_FROM_ADDRESS: u32 = 200;

pub(crate) struct LoginGuard {
    clock: Arc<dyn Clock>,
    counts: Cache<Key, Arc<Mutex<Count>>>,
    per_account: u32,
    per_address: u32,
    registrations: u32,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    /// By a hash: names come in any length.
    Account([u8; 32]),
    Address(IpAddr),
    Registrations(IpAddr),
}

#[derive(Default)]
struct Count {
    counted: u32,
    under_way: u32,
    /// By the monotonic clock.
    next_try: Duration,
}

/// A try under way. Dropped without a word, it counts for nothing: it was cut
/// off before its outcome was known.
pub(crate) struct Try<'a> {
    guard: &'a LoginGuard,
    held: Vec<(Key, Arc<Mutex<Count>>)>,
}

impl LoginGuard {
    pub(crate) fn new(clock: Arc<dyn Clock>, limits: &Limits) -> Self {
        Self {
            clock,
            counts: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_idle(FORGIVEN_AFTER)
                .build(),
            per_account: limits.login_failures_per_account,
            per_address: limits.login_failures_per_address,
            registrations: limits.registrations_per_address,
        }
    }

    /// Begins to log in to this account from this address, if it may be tried
    /// now.
    pub(crate) fn login(&self, account: &str, address: Option<IpAddr>) -> Result<Try<'_>> {
        let account = Key::Account(Sha256::digest(account.as_bytes()).into());
        let address = address.map(|address| Key::Address(network(address)));
        self.begin(std::iter::once(account).chain(address))
    }

    /// Begins to register an account from this address, if one may be now.
    pub(crate) fn registration(&self, address: Option<IpAddr>) -> Result<Try<'_>> {
        self.begin(
            address
                .map(|address| Key::Registrations(network(address)))
                .into_iter(),
        )
    }

    fn begin(&self, keys: impl Iterator<Item = Key>) -> Result<Try<'_>> {
        let mut begun = Try {
            guard: self,
            held: Vec::new(),
        };
        for key in keys {
            let count = self.counts.get_with(key.clone(), Arc::default);
            self.take(&key, &mut count.lock())?;
            begun.held.push((key, count));
        }
        Ok(begun)
    }

    fn take(&self, key: &Key, count: &mut Count) -> Result<()> {
        let wait = count.next_try.saturating_sub(self.clock.monotonic());
        if !wait.is_zero() {
            return Err(Error::SlowDown { retry_after: wait });
        }
        let (free, at_once) = self.allowance(key);
        let at_once = if count.counted < free { at_once } else { 1 };
        if count.under_way >= at_once {
            let retry_after = Duration::from_secs(1);
            return Err(Error::SlowDown { retry_after });
        }
        count.under_way += 1;
        Ok(())
    }

    /// How many are free of a delay, and how many may be under way until then.
    fn allowance(&self, key: &Key) -> (u32, u32) {
        match key {
            Key::Account(_) => (self.per_account, AT_ONCE_FOR_ACCOUNT),
            Key::Address(_) => (self.per_address, AT_ONCE_FROM_ADDRESS),
            Key::Registrations(_) => (self.registrations, AT_ONCE_FROM_ADDRESS),
        }
    }
}

impl Try<'_> {
    /// It counts: a wrong password, or an account registered.
    pub(crate) fn counts(self) {
        let now = self.guard.clock.monotonic();
        for (key, count) in &self.held {
            let (free, _) = self.guard.allowance(key);
            let mut count = count.lock();
            count.counted = count.counted.saturating_add(1);
            count.next_try = now + delay(count.counted.saturating_sub(free));
        }
    }

    /// The account's owner is there: its failures are forgotten, the address's
    /// are not.
    pub(crate) fn succeeded(self) {
        for (key, count) in &self.held {
            if matches!(key, Key::Account(_)) {
                let mut count = count.lock();
                count.counted = 0;
                count.next_try = Duration::ZERO;
            }
        }
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        for (_, count) in &self.held {
            count.lock().under_way -= 1;
        }
    }
}

/// Whom an address stands for: a provider gives each line a /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
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

    impl Hands {
        fn advance(&self, seconds: u64) {
            *self.0.lock() += Duration::from_secs(seconds);
        }
    }

    fn guard() -> (Arc<Hands>, LoginGuard) {
        let clock = Arc::<Hands>::default();
        let guard = LoginGuard::new(Arc::clone(&clock) as _, &Limits::default());
        (clock, guard)
    }

    fn wait(begun: Result<Try<'_>>) -> u64 {
        match begun {
            Ok(_) => 0,
            Err(Error::SlowDown { retry_after }) => retry_after.as_secs(),
            Err(other) => panic!("{other}"),
        }
    }

    fn fail(guard: &LoginGuard, account: &str, address: Option<IpAddr>) {
        let Ok(begun) = guard.login(account, address) else {
            panic!("may be tried");
        };
        begun.counts();
    }

    const CAMPUS: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)));

    #[test]
    fn the_sixth_failure_costs_a_second_and_each_further_one_twice_as_much() {
        let (clock, guard) = guard();
        let waits: Vec<_> = (0..14)
            .map(|_| {
                fail(&guard, "ines", None);
                let wait = wait(guard.login("ines", None));
                clock.advance(wait);
                wait
            })
            .collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(wait(guard.login("ines", None)), 0, "never a permanent lock");
        fail(&guard, "ines", None);
        assert_eq!(
            wait(guard.login("tomas", None)),
            0,
            "another account is not touched"
        );
    }

    #[test]
    fn many_at_once_get_no_further_than_one_after_the_other() {
        let (clock, guard) = guard();
        let begun: Vec<_> = (0..80)
            .filter_map(|_| guard.login("ines", None).ok())
            .collect();
        assert_eq!(begun.len(), 20);
        begun.into_iter().for_each(Try::counts);
        assert_eq!(wait(guard.login("ines", None)), 60);
        clock.advance(60);
        let begun: Vec<_> = (0..80)
            .filter_map(|_| guard.login("ines", None).ok())
            .collect();
        assert_eq!(begun.len(), 1, "one after the other from now on");
    }

    #[test]
    fn a_try_that_was_cut_off_counts_for_nothing() {
        let (_clock, guard) = guard();
        for _ in 0..100 {
            assert!(guard.login("ines", CAMPUS).is_ok());
        }
        fail(&guard, "ines", CAMPUS);
        assert_eq!(wait(guard.login("ines", CAMPUS)), 0);
    }

    #[test]
    fn after_many_registrations_from_one_address_the_next_must_wait() {
        let (clock, guard) = guard();
        let register = || match guard.registration(CAMPUS) {
            Ok(begun) => begun.counts(),
            Err(refused) => panic!("{refused}"),
        };
        (0..201).for_each(|_| register());
        assert_eq!(wait(guard.registration(CAMPUS)), 1);
        let home = Some(IpAddr::from([10, 0, 0, 2]));
        assert_eq!(
            wait(guard.registration(home)),
            0,
            "another address is not touched"
        );
        assert_eq!(
            wait(guard.login("ines", CAMPUS)),
            0,
            "logins are not touched"
        );
        clock.advance(1);
        assert_eq!(wait(guard.registration(CAMPUS)), 0);
    }

    #[test]
    fn the_owner_clears_the_account_but_not_the_address() {
        let (clock, guard) = guard();
        for account in 0..51 {
            fail(&guard, &account.to_string(), CAMPUS);
        }
        assert_eq!(wait(guard.login("ines", CAMPUS)), 1);
        (0..6).for_each(|_| fail(&guard, "ines", None));
        assert_eq!(wait(guard.login("ines", None)), 1);
        clock.advance(1);
        guard.login("ines", None).expect("may be tried").succeeded();
        (0..5).for_each(|_| fail(&guard, "ines", None));
        assert_eq!(wait(guard.login("ines", None)), 0, "counted anew");
        fail(&guard, "tomas", CAMPUS);
        assert_eq!(
            wait(guard.login("ines", CAMPUS)),
            2,
            "the address's failures stand"
        );
    }

    #[test]
    fn a_line_of_ipv6_is_one_address() {
        let (_clock, guard) = guard();
        let from = |text: &str| text.parse::<IpAddr>().ok();
        for host in 0..51 {
            fail(
                &guard,
                &host.to_string(),
                from(&format!("2001:db8::{host:x}")),
            );
        }
        assert_eq!(wait(guard.login("ines", from("2001:db8::ffff"))), 1);
        assert_eq!(wait(guard.login("ines", from("2001:db8:0:1::1"))), 0);
        assert_eq!(
            network(IpAddr::from([10, 0, 0, 1])),
            network("::ffff:10.0.0.1".parse().expect("an address"))
        );
    }
}
