//! What a client keeps for us, so that it can go on where it was on another
//! connection, also after this process is gone: the *offset* of the official
//! library's connection state recovery (`docs/adr/0009-socketio-recovery.md`).
//!
//! It is a text that means nothing to the client. In it stand, as numbers of
//! seven bits to the byte, when it was made, the socket's name, what the socket
//! has spoken, and where it was in each room; behind them a seal
//! ([`Chat::seal`]) that binds them to one user and one `pid`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tertulia_domain::{Chat, Position, Revision, RoomId, Seq, Timestamp, UserId};

use super::view::Spoken;

/// What the seal is for.
const PURPOSE: &str = "socketio offset";

/// The form; another one begins with another number.
const VERSION: u64 = 1;

/// Bytes of the seal.
const SEAL: usize = 32;

/// Characters of the longest text that is looked at: far more than that of the
/// most rooms a connection may follow.
const LONGEST: usize = 64 * 1024;

/// Characters of a socket's name.
const SID: usize = 64;

/// How far a client was when it was last told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offset {
    /// When this was.
    pub(super) at: Timestamp,
    /// The socket's name, which it keeps.
    pub(super) sid: String,
    /// What it had spoken.
    pub(super) spoken: Spoken,
    /// Where it was in each of its rooms, by number.
    pub(super) places: Vec<Place>,
}

/// How far a client was in one room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) room: RoomId,
    /// Everything up to here had been told.
    pub(super) known: Position,
    /// Whether the socket had opened the room.
    pub(super) open: bool,
}

impl Offset {
    /// As the text that the client keeps.
    pub(super) fn seal(&self, chat: &Chat, user: UserId, pid: &str) -> String {
        let mut bytes = self.write();
        let seal = chat.seal(PURPOSE, &[&user.0.to_be_bytes(), pid.as_bytes(), &bytes]);
        bytes.extend_from_slice(&seal);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a text says that was made by [`seal`](Self::seal) for this user and
    /// this `pid`; none of any other text.
    pub(super) fn open(chat: &Chat, user: UserId, pid: &str, text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (content, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL)?)?;
        let sealed = [&user.0.to_be_bytes(), pid.as_bytes(), content];
        if !chat.is_sealed(PURPOSE, &sealed, seal) {
            return None;
        }
        Self::read(content)
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64 + self.places.len() * 8);
        let mut put = |number: i64| put(&mut bytes, number.unsigned_abs());
        put(VERSION.cast_signed());
        put(self.at.as_secs());
        put(match self.spoken {
            Spoken::Nothing => 0,
            Spoken::Redup => 1,
            Spoken::Upred => 2,
        });
        let mut before = 0;
        put(i64::try_from(self.places.len()).unwrap_or(i64::MAX));
        for place in &self.places {
            put(place.room.0 - before);
            put(place.known.seq.0);
            put(place.known.revision.0 * 2 + i64::from(place.open));
            before = place.room.0;
        }
        bytes.extend_from_slice(self.sid.as_bytes());
        bytes
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut take = || take(&mut bytes);
        if take()? != VERSION.cast_signed() {
            return None;
        }
        let at = Timestamp::from_secs(take()?);
        let spoken = match take()? {
            0 => Spoken::Nothing,
            1 => Spoken::Redup,
            2 => Spoken::Upred,
            _ => return None,
        };
        let mut room = 0_i64;
        let mut places = Vec::new();
        for _ in 0..take()? {
            room = room.checked_add(take()?)?;
            let seq = Seq(take()?);
            let rest = take()?;
            places.push(Place {
                room: RoomId(room),
                known: Position {
                    seq,
                    revision: Revision(rest / 2),
                },
                open: rest % 2 == 1,
            });
        }
        let sid = std::str::from_utf8(bytes).ok()?;
        (!sid.is_empty() && sid.len() <= SID).then(|| Self {
            at,
            sid: sid.to_owned(),
            spoken,
            places,
        })
    }
}

/// Seven bits to the byte, the lowest first; the highest bit says that more
/// follow.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// A number that is not negative.
fn take(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for shift in (0..63).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return i64::try_from(number).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(places: Vec<Place>) -> Offset {
        Offset {
            at: Timestamp::from_secs(1_771_400_000),
            sid: "Zm9vYmFyZm9vYmFyZm9vYg".to_owned(),
            spoken: Spoken::Upred,
            places,
        }
    }

    fn place(room: i64, seq: i64, revision: i64, open: bool) -> Place {
        Place {
            room: RoomId(room),
            known: Position {
                seq: Seq(seq),
                revision: Revision(revision),
            },
            open,
        }
    }

    #[test]
    fn five_hundred_busy_rooms_fit() {
        let places = (0..500).map(|n| place(n * 4_000_000 + 1, 1 << 40, 1 << 40, n % 2 == 0));
        let offset = offset(places.collect());
        let bytes = offset.write();
        assert!(bytes.len() * 4 / 3 + SEAL * 2 < LONGEST, "{}", bytes.len());
        assert_eq!(Offset::read(&bytes), Some(offset));
    }

    #[test]
    fn what_is_cut_or_odd_is_none() {
        let whole = offset(vec![place(1, 2, 3, true), place(9, 0, 0, false)]);
        let bytes = whole.write();
        assert_eq!(Offset::read(&bytes), Some(whole.clone()));
        for end in 0..bytes.len() - whole.sid.len() + 1 {
            assert_eq!(Offset::read(&bytes[..end]), None, "{end}");
        }
        let mut other_version = bytes.clone();
        other_version[0] = 2;
        assert_eq!(Offset::read(&other_version), None);
        let mut many = Vec::new();
        for number in [1, 1, 0, u64::MAX >> 1] {
            put(&mut many, number);
        }
        assert_eq!(Offset::read(&many), None);
        assert_eq!(Offset::read(&[0xff; 40]), None);
    }

    proptest::proptest! {
        #[test]
        fn an_offset_is_read_as_it_was_written(
            rooms in proptest::collection::btree_map(
                1..i64::from(i32::MAX), (0..1_i64 << 53, 0..1_i64 << 53, proptest::bool::ANY), 0..20,
            ),
        ) {
            let places = rooms.iter().map(|(room, (seq, revision, open))| {
                place(*room, *seq, *revision, *open)
            });
            let offset = offset(places.collect());
            proptest::prop_assert_eq!(Offset::read(&offset.write()), Some(offset));
        }

        /// Whatever comes is read or refused.
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(0_u8..=255, 0..200)) {
            let _ = Offset::read(&bytes);
        }
    }
}
