//! Seals for what clients keep for us: HMAC-SHA-256 under keys of their own, which
//! are made of the signing secrets, so that no seal is a token's signature.

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};

use crate::SigningSecret;

/// Of what the keys are made, besides the secret. No JWT begins so.
const LABEL: &[u8] = b"tertulia seals, version 1";

pub(crate) struct Seals {
    current: Key,
    previous: Option<Key>,
}

impl Seals {
    pub(crate) fn new(current: &SigningSecret, previous: Option<&SigningSecret>) -> Self {
        Self {
            current: key(current),
            previous: previous.map(key),
        }
    }

    pub(crate) fn make(&self, purpose: &str, content: &[&[u8]]) -> [u8; 32] {
        let mut seal = [0; 32];
        seal.copy_from_slice(hmac::sign(&self.current, &joined(purpose, content)).as_ref());
        seal
    }

    pub(crate) fn is_one(&self, purpose: &str, content: &[&[u8]], seal: &[u8]) -> bool {
        let content = joined(purpose, content);
        let mut keys = [&self.current].into_iter().chain(&self.previous);
        keys.any(|key| hmac::verify(key, &content, seal).is_ok())
    }
}

fn key(secret: &SigningSecret) -> Key {
    let base = Key::new(HMAC_SHA256, secret.expose().as_bytes());
    Key::new(HMAC_SHA256, hmac::sign(&base, LABEL).as_ref())
}

/// Each part after its length, so that no two contents read the same.
fn joined(purpose: &str, content: &[&[u8]]) -> Vec<u8> {
    let mut joined = Vec::new();
    for part in [purpose.as_bytes()].iter().chain(content) {
        joined.extend_from_slice(&(part.len() as u64).to_be_bytes());
        joined.extend_from_slice(part);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "k9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA";
    const OLD: &str = "Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyAk9Vt3Qw8";

    fn seals(secrets: &[&str]) -> Seals {
        let secrets: Vec<_> = secrets
            .iter()
            .map(|secret| SigningSecret::parse(secret).expect("a good secret"))
            .collect();
        Seals::new(&secrets[0], secrets.get(1))
    }

    #[test]
    fn a_seal_holds_for_its_purpose_and_content_alone() {
        let seals = seals(&[NEW]);
        let seal = seals.make("offset", &[b"ab", b"c"]);
        assert!(seals.is_one("offset", &[b"ab", b"c"], &seal));
        for (purpose, content) in [
            ("offset", [b"a".as_slice(), b"bc"]),
            ("offset", [b"ab", b"d"]),
            ("offsets", [b"ab", b"c"]),
        ] {
            assert!(!seals.is_one(purpose, &content, &seal));
        }
        assert!(!seals.is_one("offset", &[b"abc"], &seal));
        assert!(!seals.is_one("offset", &[b"ab", b"c"], &seal[..31]));
        assert!(!seals.is_one("offset", &[b"ab", b"c"], b""));
    }

    #[test]
    fn a_seal_outlives_a_change_of_secrets_once() {
        let seal = seals(&[OLD]).make("offset", &[b"a"]);
        assert!(seals(&[NEW, OLD]).is_one("offset", &[b"a"], &seal));
        assert!(!seals(&[NEW]).is_one("offset", &[b"a"], &seal));
        assert_ne!(seals(&[NEW, OLD]).make("offset", &[b"a"]), seal);
    }
}
