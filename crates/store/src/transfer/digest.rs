//! What a table holds, in one number: the same for the same rows on every
//! database, in whatever order they come.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::rows::{Kept, Row};

/// How many rows a table has, and the sum of a hash of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// How many.
    pub rows: u64,
    checksum: u128,
}

impl Contents {
    pub(crate) fn add(&mut self, row: &Row) {
        let mut hash = Sha256::new();
        for value in row {
            let (tag, bytes): (u8, &[u8]) = match value {
                Kept::Null => (0, &[]),
                Kept::Integer(number) => (1, &number.to_be_bytes()),
                Kept::Text(text) => (2, text.as_bytes()),
                Kept::Bytes(bytes) => (3, bytes),
            };
            hash.update([tag]);
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
        let mut half = [0; 16];
        half.copy_from_slice(&hash.finalize()[..16]);
        self.rows += 1;
        self.checksum = self.checksum.wrapping_add(u128::from_be_bytes(half));
    }
}

/// As hexadecimal digits: the checksum.
impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.checksum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[Row]) -> Contents {
        let mut contents = Contents::default();
        rows.iter().for_each(|row| contents.add(row));
        contents
    }

    #[test]
    fn the_order_of_rows_does_not_matter_and_everything_else_does() {
        let text = |text: &str| Kept::Text(text.to_owned());
        let one = vec![Kept::Integer(1), text("ab"), text("c")];
        let two = vec![Kept::Integer(2), Kept::Null, text("")];
        let both = of(&[one.clone(), two.clone()]);
        assert_eq!(both, of(&[two.clone(), one.clone()]));
        assert_eq!(both.rows, 2);
        for other in [
            vec![Kept::Integer(1), text("a"), text("bc")],
            vec![Kept::Integer(1), text("ab"), Kept::Bytes(b"c".to_vec())],
            vec![Kept::Integer(1), text("ab"), Kept::Null],
            two.clone(),
        ] {
            assert_ne!(both, of(&[other, two.clone()]));
        }
        assert_ne!(both.to_string(), of(&[one]).to_string());
    }
}
