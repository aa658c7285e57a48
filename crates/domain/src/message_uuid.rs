//! Messages' UUIDs: derived from the id by a keyed, reversible construction, so
//! that they need no column and no index, and cannot be guessed (`design.md` §3).

use std::hash::Hasher;

use siphasher::sip::SipHasher24;
use uuid::Uuid;

use crate::MessageId;

/// Half of the 122 free bits of a version 4 UUID.
const HALF: u64 = (1 << 61) - 1;
const ROUNDS: u64 = 6;

/// Turns message ids into UUIDs that look like version 4, and back.
///
/// A Feistel network of six rounds over 2 x 61 bits with SipHash-2-4 as its
/// round function. One half holds the id, the other is zero: a UUID that was
/// not made with this key comes back with a half that is not zero.
#[derive(Clone)]
pub struct MessageUuids {
    key: [u8; 16],
}

impl MessageUuids {
    /// With the key that lives in the database. Never the signing secret.
    #[must_use]
    pub fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// The UUID of a message.
    #[must_use]
    pub fn uuid(&self, id: MessageId) -> Uuid {
        let (mut left, mut right) = (id.0.unsigned_abs() & HALF, 0);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.mix(round, right));
        }
        join(left, right)
    }

    /// The message of a UUID; none when no message has it.
    #[must_use]
    pub fn id(&self, uuid: Uuid) -> Option<MessageId> {
        let (mut left, mut right) = split(uuid)?;
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.mix(round, left), left);
        }
        let id = i64::try_from(left).ok().filter(|_| right == 0)?;
        Some(MessageId(id))
    }

    fn mix(&self, round: u64, half: u64) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u64(round);
        hasher.write_u64(half);
        hasher.finish() & HALF
    }
}

impl std::fmt::Debug for MessageUuids {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MessageUuids")
    }
}

/// Lays 122 bits around the version and variant bits (RFC 9562 §5.4).
fn join(left: u64, right: u64) -> Uuid {
    let bits = (u128::from(left) << 61) | u128::from(right);
    let high = bits >> 74; // 48 bits before the version
    let middle = (bits >> 62) & 0xfff; // 12 bits between version and variant
    let low = bits & ((1 << 62) - 1); // 62 bits after the variant
    Uuid::from_u128((high << 80) | (0x4 << 76) | (middle << 64) | (0b10 << 62) | low)
}

fn split(uuid: Uuid) -> Option<(u64, u64)> {
    let value = uuid.as_u128();
    if (value >> 76) & 0xf != 0x4 || (value >> 62) & 0b11 != 0b10 {
        return None;
    }
    let bits = ((value >> 80) << 74) | (((value >> 64) & 0xfff) << 62) | (value & ((1 << 62) - 1));
    let left = u64::try_from(bits >> 61).ok()?;
    let right = u64::try_from(bits & u128::from(HALF)).ok()?;
    Some((left, right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_comes_back_and_looks_like_version_4() {
        let uuids = MessageUuids::new([7; 16]);
        for id in [1, 2, 3, 255, 65_536, (1 << 53) - 1].map(MessageId) {
            let uuid = uuids.uuid(id);
            assert_eq!(uuid.get_version_num(), 4);
            assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
            assert_eq!(uuids.id(uuid), Some(id));
        }
    }

    #[test]
    fn a_uuid_of_another_key_or_none_of_ours_names_nothing() {
        let ours = MessageUuids::new([7; 16]);
        let theirs = MessageUuids::new([8; 16]);
        assert_eq!(ours.id(theirs.uuid(MessageId(1))), None);
        assert_eq!(ours.id(Uuid::nil()), None);
        assert_eq!(ours.id(Uuid::max()), None);
    }

    #[test]
    fn neighbours_share_no_prefix() {
        let uuids = MessageUuids::new([7; 16]);
        let (first, second) = (uuids.uuid(MessageId(1)), uuids.uuid(MessageId(2)));
        assert_ne!(first.as_bytes()[..4], second.as_bytes()[..4]);
        assert_ne!(first.as_bytes()[12..], second.as_bytes()[12..]);
    }
}
