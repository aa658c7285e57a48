//! Sends that a client makes twice. SOS-Habilidoso's web client says each text
//! on its socket and again in a call over HTTP (contracts/sos-habilidoso.md,
//! "How the web client behaves"): both together are one message.
//!
//! Such a send names the transport on which it came. Of one user, in one room,
//! with the same kind and words, a send on one transport and the oldest send on
//! the other that has no partner yet are a pair, when no more than
//! [`PAIRING_WINDOW`] lies between them. Only the first of a pair becomes a
//! message; what the person repeats on one transport is said again. The store
//! decides it, under the room's lock and by one clock for all nodes.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::{Draft, Timestamp};

/// How far apart the two sends of a pair may be.
pub const PAIRING_WINDOW: Duration = Duration::from_secs(10);

/// Where a send came from that may have been made twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// An open socket.
    Socket,
    /// A call over HTTP.
    Call,
}

/// A send that may be one half of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pairing {
    /// On which transport it came.
    pub over: Transport,
    /// What the dialect calls this kind of message; only sends of the same kind
    /// are a pair.
    pub kind: &'static str,
}

impl Draft {
    /// By what the two halves of a pair are known: 64 bits of a hash over kind
    /// and trimmed words. None for a send that has no other half.
    #[must_use]
    pub fn pairing_print(&self) -> Option<i64> {
        let pairing = self.pairing?;
        let mut hash = Sha256::new();
        hash.update((pairing.kind.len() as u64).to_le_bytes());
        hash.update(pairing.kind.as_bytes());
        hash.update(self.text.trim().as_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Some(i64::from_le_bytes(first))
    }
}

/// Whether two sends of these moments may be a pair. Which was first is all the
/// same: clocks are set back, too.
#[must_use]
pub fn within_window(one: Timestamp, other: Timestamp) -> bool {
    one.until(other).max(other.until(one)) <= PAIRING_WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(kind: &'static str, text: &str) -> Option<i64> {
        let over = Transport::Socket;
        let draft = Draft {
            pairing: Some(Pairing { over, kind }),
            ..Draft::text(text)
        };
        draft.pairing_print()
    }

    #[test]
    fn halves_are_known_by_kind_and_trimmed_words() {
        assert_eq!(print("text", " ok\n"), print("text", "ok"));
        assert_ne!(print("text", "ok"), print("text", "OK"));
        assert_ne!(print("text", "ok"), print("emoji", "ok"));
        assert_ne!(print("te", "xtok"), print("text", "ok"));
        assert_eq!(Draft::text("ok").pairing_print(), None);
    }

    #[test]
    fn the_window_is_ten_seconds_either_way() {
        let at = |micros| Timestamp::from_micros(micros);
        assert!(within_window(at(0), at(10_000_000)));
        assert!(within_window(at(10_000_000), at(0)));
        assert!(!within_window(at(0), at(10_000_001)));
        assert!(!within_window(at(10_000_001), at(0)));
    }
}
