//! Sockets that are open without a login, counted for each address
//! (`reliability.md` §2): whoever opens many and logs in on none is stopped.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

/// The seats of one node.
pub struct Seats {
    per_address: usize,
    /// Holds an address only while it has seats.
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// One socket's place among those without a login. Dropping it gives it back:
/// at the login, or with the connection.
#[must_use]
pub struct Seat {
    seats: Arc<Seats>,
    place: IpAddr,
}

impl Seats {
    /// So many for each address.
    #[must_use]
    pub fn new(per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            per_address,
            taken: Mutex::default(),
        })
    }

    /// A seat for this address; none when it has all that it may have.
    #[must_use]
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let place = place(address);
        let mut taken = self.taken.lock();
        let count = taken.entry(place).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Seat {
            seats: Arc::clone(self),
            place,
        })
    }
}

/// Who has one IPv6 address has the 2^64 beside it, too.
fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock();
        if let Some(count) = taken.get_mut(&self.place) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.place);
            }
        }
    }
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seat")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("the test's address is one")
    }

    #[test]
    fn an_address_has_so_many_seats_and_gets_them_back() {
        let seats = Seats::new(2);
        let first = seats.take(address("192.0.2.1"));
        let second = seats.take(address("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(seats.take(address("192.0.2.1")).is_none());
        assert!(seats.take(address("192.0.2.2")).is_some(), "another one");
        drop(first);
        assert!(seats.take(address("192.0.2.1")).is_some());
        drop(second);
        assert!(seats.taken.lock().is_empty());
    }

    #[test]
    fn one_ipv6_network_is_one_address() {
        let seats = Seats::new(1);
        let seat = seats.take(address("2001:db8::1"));
        assert!(seat.is_some());
        assert!(seats.take(address("2001:db8::2")).is_none());
        assert!(seats.take(address("2001:db8:0:1::1")).is_some());
    }
}
