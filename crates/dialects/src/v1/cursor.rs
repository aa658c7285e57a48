//! Where a list goes on: a text that only we read. URL-safe Base64 of one byte
//! that names the list and of the numbers of its place.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tertulia_domain::ports::RoomsCursor;
use tertulia_domain::{Error, FileId, Reason, Result, RoomId, Seq, Timestamp, UserId};

/// A place in a list that can be sent to a client and comes back.
pub(crate) trait Cursor: Sized {
    /// As a text of at most 32 characters.
    fn encode(&self) -> String;

    /// From a client's text; none for what [`encode`](Self::encode) never made.
    fn decode(text: &str) -> Option<Self>;
}

/// Reads the cursor of a request.
///
/// # Errors
/// [`Error::Invalid`] for what is no cursor of this list.
pub(crate) fn read<C: Cursor>(text: Option<&str>) -> Result<Option<C>> {
    text.map(|text| C::decode(text).ok_or(Error::invalid("cursor", Reason::Malformed)))
        .transpose()
}

const ROOMS: u8 = 1;
const USERS: u8 = 2;
const MESSAGES: u8 = 3;
const FILES: u8 = 4;

/// Stands for a number that is not there; no list has it.
const NONE: i64 = i64::MIN;

/// Where a history goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HistoryCursor {
    /// Messages before this one.
    pub before: Option<Seq>,
    /// Messages after this one.
    pub after: Option<Seq>,
}

impl Cursor for RoomsCursor {
    fn encode(&self) -> String {
        let at = self.last_message_at.map(Timestamp::as_micros);
        pack(ROOMS, [at.unwrap_or(NONE), self.room.0])
    }

    fn decode(text: &str) -> Option<Self> {
        let [at, room] = unpack(ROOMS, text)?;
        Some(Self {
            last_message_at: some(at).map(Timestamp::from_micros),
            room: RoomId(room),
        })
    }
}

impl Cursor for UserId {
    fn encode(&self) -> String {
        pack(USERS, [self.0])
    }

    fn decode(text: &str) -> Option<Self> {
        let [user] = unpack(USERS, text)?;
        Some(Self(user))
    }
}

impl Cursor for FileId {
    fn encode(&self) -> String {
        pack(FILES, [self.0])
    }

    fn decode(text: &str) -> Option<Self> {
        let [file] = unpack(FILES, text)?;
        Some(Self(file))
    }
}

impl Cursor for HistoryCursor {
    fn encode(&self) -> String {
        let number = |seq: Option<Seq>| seq.map_or(NONE, |seq| seq.0);
        pack(MESSAGES, [number(self.before), number(self.after)])
    }

    fn decode(text: &str) -> Option<Self> {
        let [before, after] = unpack(MESSAGES, text)?;
        Some(Self {
            before: some(before).map(Seq),
            after: some(after).map(Seq),
        })
    }
}

fn some(number: i64) -> Option<i64> {
    (number != NONE).then_some(number)
}

fn pack<const N: usize>(list: u8, numbers: [i64; N]) -> String {
    let mut bytes = vec![list];
    bytes.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
    URL_SAFE_NO_PAD.encode(bytes)
}

fn unpack<const N: usize>(list: u8, text: &str) -> Option<[i64; N]> {
    const MOST: usize = 64;
    if text.len() > MOST {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (first, rest) = bytes.split_first()?;
    let (numbers, odd) = rest.as_chunks::<8>();
    if *first != list || numbers.len() != N || !odd.is_empty() {
        return None;
    }
    let mut read = [0; N];
    for (number, bytes) in read.iter_mut().zip(numbers) {
        *number = i64::from_be_bytes(*bytes);
    }
    Some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_as_they_went() {
        for last_message_at in [None, Some(Timestamp::from_micros(1_770_130_800_123_456))] {
            let cursor = RoomsCursor {
                last_message_at,
                room: RoomId(7),
            };
            assert_eq!(RoomsCursor::decode(&cursor.encode()), Some(cursor));
        }
        let history = HistoryCursor {
            before: None,
            after: Some(Seq(41)),
        };
        assert_eq!(HistoryCursor::decode(&history.encode()), Some(history));
        assert_eq!(UserId::decode(&UserId(9).encode()), Some(UserId(9)));
    }

    #[test]
    fn what_was_never_made_is_no_cursor() {
        let users = UserId(9).encode();
        assert_eq!(HistoryCursor::decode(&users), None, "another list's");
        for text in [
            "",
            "AA",
            "!",
            &users[1..],
            &format!("{users}A"),
            &"A".repeat(1_000),
        ] {
            assert_eq!(UserId::decode(text), None, "{text}");
        }
    }
}
