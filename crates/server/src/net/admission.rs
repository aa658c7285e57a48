//! Who is let in: connections in all, and attempts per address
//! (`reliability.md` §2). Decided before anything is read from the socket.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::request::Parts;
use tertulia_dialects::common::client::{self, Network, PeerAddress};
use tertulia_dialects::common::seats::{Seat, Seats};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// After so many attempts, addresses that have rested are forgotten.
const SWEEP_EVERY: u32 = 16 * 1024;

/// Bounds on connections.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// Connections at once.
    pub(crate) connections: usize,
    /// New connections from one address each second.
    pub(crate) attempts_per_second: NonZeroU32,
    /// Connections from one address at once that are no WebSockets.
    pub(crate) per_address: usize,
    /// Many people stand behind these: the addresses they name are counted
    /// instead.
    pub(crate) trusted_proxies: Vec<Network>,
}

/// Counts connections and attempts.
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    seats: Arc<Seats>,
    attempts: DefaultKeyedRateLimiter<IpAddr>,
    counted: AtomicU32,
    trusted_proxies: Vec<Network>,
}

/// A connection's place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

/// What a connection that is let in holds.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) place: Place,
    /// Its place among the connections of its address, until it is a WebSocket.
    pub(crate) seat: Option<Seat>,
}

/// Why a connection is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Every place is taken: 503.
    Full,
    /// Every place of this address is taken: 503.
    AddressFull,
    /// Too many attempts from this address: 429.
    TooOften,
}

impl Admission {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let places = bounds.connections.min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(places)),
            seats: Seats::new(bounds.per_address),
            attempts: RateLimiter::keyed(Quota::per_second(bounds.attempts_per_second)),
            counted: AtomicU32::new(0),
            trusted_proxies: bounds.trusted_proxies,
        }
    }

    /// Lets a connection in, or not. A proxy's are only counted in all.
    pub(crate) fn admit(&self, peer: IpAddr) -> Result<Admitted, Refused> {
        let seat = match self.is_proxy(peer) {
            true => None,
            false => {
                self.count_attempt(peer)?;
                Some(self.seats.take(peer).ok_or(Refused::AddressFull)?)
            }
        };
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map(Place).map_err(|_| Refused::Full)?;
        Ok(Admitted { place, seat })
    }

    /// Counts a request that asks for an upgrade and came through a proxy, by
    /// the address that the proxy names; others were counted when they
    /// connected.
    pub(crate) fn admit_upgrade(&self, request: &Parts) -> Result<(), Refused> {
        let Some(PeerAddress(peer)) = request.extensions.get() else {
            return Ok(());
        };
        let proxies = &self.trusted_proxies;
        let client = client::address(&request.extensions, &request.headers, proxies);
        match client {
            Some(client) if self.is_proxy(peer.ip()) => self.count_attempt(client),
            _ => Ok(()),
        }
    }

    fn is_proxy(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.trusted_proxies
            .iter()
            .any(|network| network.contains(peer))
    }

    fn count_attempt(&self, address: IpAddr) -> Result<(), Refused> {
        self.sweep_sometimes();
        self.attempts
            .check_key(&subscriber(address))
            .map_err(|_| Refused::TooOften)
    }

    /// Keeps memory in proportion to the addresses that came lately.
    fn sweep_sometimes(&self) {
        if self.counted.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.attempts.retain_recent();
            self.attempts.shrink_to_fit();
        }
    }
}

/// Whom an address stands for: of IPv6 one subscriber has a whole /64.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let network = v6.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::passage::Passage;

    fn admission(connections: usize, attempts: u32, proxies: &[&str]) -> Admission {
        Admission::new(Bounds {
            connections,
            attempts_per_second: attempts.try_into().unwrap(),
            per_address: 2,
            trusted_proxies: proxies
                .iter()
                .map(|network| network.parse().unwrap())
                .collect(),
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn from(peer: &str, forwarded: &str) -> Parts {
        let request = http::Request::builder()
            .header("x-forwarded-for", forwarded)
            .extension(PeerAddress(peer.parse().unwrap()))
            .body(())
            .unwrap();
        request.into_parts().0
    }

    #[test]
    fn places_are_free_again_when_left() {
        let admission = admission(2, 100, &[]);
        let one = admission.admit(ip("192.0.2.1")).unwrap();
        let _two = admission.admit(ip("192.0.2.2")).unwrap();
        let third = admission.admit(ip("192.0.2.3"));
        assert_eq!(third.err(), Some(Refused::Full));
        drop(one);
        assert!(admission.admit(ip("192.0.2.3")).is_ok());
    }

    #[test]
    fn an_address_has_its_share_until_its_connections_are_websockets() {
        let admission = admission(100, 100, &["10.0.0.0/8"]);
        let one = admission.admit(ip("192.0.2.1")).unwrap();
        let _two = admission.admit(ip("192.0.2.1")).unwrap();
        let third = admission.admit(ip("192.0.2.1"));
        assert_eq!(third.err(), Some(Refused::AddressFull));
        assert!(admission.admit(ip("192.0.2.2")).is_ok());
        Passage::new(one.seat).end();
        assert!(admission.admit(ip("192.0.2.1")).is_ok());
        let proxied: Vec<_> = (0..10).map(|_| admission.admit(ip("10.0.0.1"))).collect();
        assert!(proxied.iter().all(Result::is_ok));
    }

    #[test]
    fn attempts_are_counted_per_subscriber() {
        let admission = admission(100, 1, &[]);
        let mut places = Vec::new();
        let mut admit = |address| match admission.admit(ip(address)) {
            Ok(place) => {
                places.push(place);
                None
            }
            Err(refused) => Some(refused),
        };
        assert_eq!(admit("192.0.2.1"), None);
        assert_eq!(admit("::ffff:192.0.2.1"), Some(Refused::TooOften));
        assert_eq!(admit("192.0.2.2"), None);
        assert_eq!(admit("2001:db8::1"), None);
        assert_eq!(admit("2001:db8::2"), Some(Refused::TooOften));
        assert_eq!(admit("2001:db8:0:1::1"), None);
    }

    #[test]
    fn a_proxy_is_not_counted_but_those_behind_it_are() {
        let admission = admission(100, 1, &["10.0.0.0/8"]);
        let proxy = "10.0.0.1:4711";
        let _one = admission.admit(ip("10.0.0.1")).unwrap();
        let _two = admission.admit(ip("10.0.0.1")).unwrap();
        assert_eq!(admission.admit_upgrade(&from(proxy, "192.0.2.1")), Ok(()));
        let again = admission.admit_upgrade(&from(proxy, "192.0.2.1"));
        assert_eq!(again, Err(Refused::TooOften));
        assert_eq!(admission.admit_upgrade(&from(proxy, "192.0.2.2")), Ok(()));
        let direct = from("192.0.2.1:4711", "192.0.2.3");
        assert_eq!(admission.admit_upgrade(&direct), Ok(()), "counted before");
    }
}
