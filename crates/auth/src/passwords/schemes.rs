//! The ways in which a password may be stored. A new one is a variant of
//! [`StoredHash`] and an arm of [`Schemes::check`].

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};
use tertulia_domain::ports::PasswordCheck;
use tertulia_domain::{Error, Result};

use super::pbkdf2::Pbkdf2Hash;
use super::{CostOutOfRange, HashCost};

/// The length that RFC 9106 §3.1 recommends.
pub(super) const SALT_BYTES: usize = 16;

/// The costliest bcrypt hash that is compared: about four seconds of a core.
const MAX_BCRYPT_COST: u32 = 16;

/// The most memory that an Argon2 hash takes when it is compared: 1 GiB.
const MAX_ARGON2_KIB: u32 = 1 << 20;

/// The costliest Argon2 hash that is compared, in KiB times passes: some seconds
/// of a core.
const MAX_ARGON2_WORK: u64 = 1 << 22;

/// Argon2id at one cost for new hashes, and every scheme for stored ones.
pub(super) struct Schemes {
    argon2: Argon2<'static>,
    /// What passwords are compared with where there is no hash: same cost,
    /// never right.
    nobody: PasswordHash,
}

/// A stored hash of a scheme that we understand.
enum StoredHash<'a> {
    Argon2(Box<PasswordHash>),
    Bcrypt(&'a str),
    Pbkdf2(Pbkdf2Hash<'a>),
}

impl Schemes {
    pub(super) fn new(
        HashCost { memory_kib, passes }: HashCost,
        salt: [u8; SALT_BYTES],
    ) -> Result<Self, CostOutOfRange> {
        let out_of_range = || CostOutOfRange { memory_kib, passes };
        let params = Params::new(memory_kib, passes, 1, None).map_err(|_| out_of_range())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = argon2
            .hash_password_with_salt(b"", &salt)
            .map_err(|_| out_of_range())?;
        Ok(Self { argon2, nobody })
    }

    /// An Argon2id hash in PHC form.
    pub(super) fn hash(&self, password: &str, salt: &[u8; SALT_BYTES]) -> Result<String> {
        self.argon2
            .hash_password_with_salt(password.as_bytes(), salt)
            .map(|hash| hash.to_string())
            .map_err(Error::unavailable)
    }

    /// Compares. A hash that is old or imported takes its own time, until the
    /// next login makes it a new one; all others take the same (S6).
    pub(super) fn check(&self, password: &str, stored: Option<&str>) -> PasswordCheck {
        match stored.and_then(StoredHash::parse) {
            Some(StoredHash::Argon2(hash)) if !self.is_right(password, &hash) => {
                PasswordCheck::Wrong
            }
            Some(StoredHash::Argon2(hash)) if self.is_current(&hash) => PasswordCheck::Right,
            Some(StoredHash::Argon2(_)) => PasswordCheck::RightButOld,
            // Compares 72 bytes, as whatever made the hash did.
            Some(StoredHash::Bcrypt(hash)) if bcrypt::verify(password, hash).unwrap_or(false) => {
                PasswordCheck::RightButOld
            }
            Some(StoredHash::Bcrypt(_)) => PasswordCheck::Wrong,
            Some(StoredHash::Pbkdf2(hash)) if hash.fits(password) => PasswordCheck::RightButOld,
            Some(StoredHash::Pbkdf2(_)) => PasswordCheck::Wrong,
            None => {
                self.is_right(password, &self.nobody);
                PasswordCheck::Wrong
            }
        }
    }

    fn is_right(&self, password: &str, hash: &PasswordHash) -> bool {
        // Takes the parameters of the hash, not its own.
        self.argon2
            .verify_password(password.as_bytes(), hash)
            .is_ok()
    }

    fn is_current(&self, hash: &PasswordHash) -> bool {
        hash.algorithm == self.nobody.algorithm
            && hash.version == self.nobody.version
            && hash.params == self.nobody.params
    }
}

impl<'a> StoredHash<'a> {
    fn parse(hash: &'a str) -> Option<Self> {
        let parsed = if hash.starts_with("$argon2") {
            let hash = PasswordHash::new(hash).ok();
            hash.filter(is_bearable).map(Box::new).map(Self::Argon2)
        } else if ["$2a$", "$2b$", "$2y$"]
            .iter()
            .any(|it| hash.starts_with(it))
        {
            is_payable(hash).then_some(Self::Bcrypt(hash))
        } else {
            Pbkdf2Hash::parse(hash).map(Self::Pbkdf2)
        };
        if parsed.is_none() {
            tracing::warn!(
                "a stored password has a form that is not understood; nobody can log in with it"
            );
        }
        parsed
    }
}

fn is_bearable(hash: &PasswordHash) -> bool {
    Params::try_from(hash).is_ok_and(|params| {
        let (kib, passes) = (params.m_cost(), u64::from(params.t_cost()));
        kib <= MAX_ARGON2_KIB && u64::from(kib) * passes <= MAX_ARGON2_WORK
    })
}

fn is_payable(hash: &str) -> bool {
    hash.parse::<bcrypt::HashParts>()
        .is_ok_and(|parts| parts.get_cost() <= MAX_BCRYPT_COST)
}
