//! The form in which Django keeps passwords: `pbkdf2_sha256$`, the iterations,
//! `$`, the salt as it stands, `$`, 32 bytes in Base64 (`contracts/sos-habilidoso.md`
//! §4; RFC 8018 §5.2 with HMAC-SHA-256).

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The costliest hash that is compared: about four seconds of a core, many times
/// what Django ever asked for.
const MOST_ITERATIONS: u32 = 10_000_000;

const DERIVED_BYTES: usize = 32;

/// A stored hash.
pub(super) struct Pbkdf2Hash<'a> {
    iterations: NonZeroU32,
    salt: &'a str,
    derived: [u8; DERIVED_BYTES],
}

impl<'a> Pbkdf2Hash<'a> {
    /// None for anything else, and for one that is too costly to compare.
    pub(super) fn parse(hash: &'a str) -> Option<Self> {
        let mut parts = hash.strip_prefix("pbkdf2_sha256$")?.split('$');
        let (iterations, salt, derived) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || salt.is_empty() {
            return None;
        }
        let iterations: NonZeroU32 = iterations.parse().ok()?;
        let derived = STANDARD.decode(derived).ok()?.try_into().ok()?;
        (iterations.get() <= MOST_ITERATIONS).then_some(Self {
            iterations,
            salt,
            derived,
        })
    }

    /// Whether it is the hash of this password. Takes as long either way.
    pub(super) fn fits(&self, password: &str) -> bool {
        let (salt, password) = (self.salt.as_bytes(), password.as_bytes());
        pbkdf2::verify(
            PBKDF2_HMAC_SHA256,
            self.iterations,
            salt,
            password,
            &self.derived,
        )
        .is_ok()
    }
}
