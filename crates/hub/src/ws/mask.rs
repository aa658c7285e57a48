//! Masking of client payloads (RFC 6455 §5.3).

/// The masking key of one frame, turned so that its first byte belongs to the next payload byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mask([u8; 4]);

impl Mask {
    pub(super) fn new(key: [u8; 4]) -> Self {
        Self(key)
    }

    /// Removes the mask from the next part of the payload, eight bytes at a time, and moves on by
    /// that many bytes.
    pub(super) fn remove(&mut self, payload: &mut [u8]) {
        let [a, b, c, d] = self.0;
        let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let (blocks, rest) = payload.as_chunks_mut::<8>();
        for block in blocks {
            *block = (u64::from_ne_bytes(*block) ^ wide).to_ne_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(self.0.iter().cycle()) {
            *byte ^= key;
        }
        self.0.rotate_left(payload.len() % 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_and_split_equals_the_plain_loop() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        for length in 0..40_u8 {
            let plain: Vec<u8> = (0..length).collect();
            let masked: Vec<u8> = plain
                .iter()
                .enumerate()
                .map(|(at, byte)| byte ^ key[at % 4])
                .collect();
            for split in 0..=masked.len() {
                let mut bytes = masked.clone();
                let mut mask = Mask::new(key);
                let (head, tail) = bytes.split_at_mut(split);
                mask.remove(head);
                mask.remove(tail);
                assert_eq!(bytes, plain, "length {length} split at {split}");
            }
        }
    }
}
