//! The [`Passwords`] port: which work is done is in [`schemes`], on whose
//! thread in [`pool`].

mod pbkdf2;
mod pool;
mod schemes;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use async_trait::async_trait;
use tertulia_domain::ports::PasswordCheck;
use tertulia_domain::{Passwords, Random, Result};

use self::pool::Pool;
use self::schemes::{SALT_BYTES, Schemes};

/// What one Argon2id hash costs. The default is what OWASP's password storage
/// cheat sheet asks for: 19 MiB and two passes, on one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory in KiB, at least 8.
    pub memory_kib: u32,
    /// Passes over the memory, at least 1.
    pub passes: u32,
}

impl Default for HashCost {
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            passes: 2,
        }
    }
}

/// A [`HashCost`] that Argon2 does not know.
#[derive(Debug, thiserror::Error)]
#[error("Argon2 does not work with {memory_kib} KiB of memory and {passes} passes")]
pub struct CostOutOfRange {
    memory_kib: u32,
    passes: u32,
}

/// How many passwords are worked on at once, and how many may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSize {
    /// At once; each takes a core and [`HashCost::memory_kib`].
    pub workers: NonZeroUsize,
    /// Waiting for their turn; the next one is told to slow down.
    pub waiting: usize,
}

impl Default for PoolSize {
    /// Half of the cores, so that the rest goes on serving, and 256 waiting.
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            workers: NonZeroUsize::new(cores / 2).unwrap_or(NonZeroUsize::MIN),
            waiting: 256,
        }
    }
}

/// Makes Argon2id hashes; understands those and imported ones (S5): bcrypt's,
/// and Django's PBKDF2.
pub struct Argon2Passwords {
    schemes: Arc<Schemes>,
    pool: Pool,
    random: Arc<dyn Random>,
}

impl Argon2Passwords {
    /// Takes as long as one hash: it makes the one that passwords of nobody
    /// are compared with (S6).
    ///
    /// # Errors
    /// When Argon2 does not know such a cost.
    pub fn new(
        cost: HashCost,
        size: PoolSize,
        random: Arc<dyn Random>,
    ) -> Result<Self, CostOutOfRange> {
        let schemes = Schemes::new(cost, salt(&*random))?;
        Ok(Self {
            schemes: Arc::new(schemes),
            pool: Pool::new(size),
            random,
        })
    }
}

fn salt(random: &dyn Random) -> [u8; SALT_BYTES] {
    let mut salt = [0; SALT_BYTES];
    random.fill(&mut salt);
    salt
}

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn hash(&self, password: String) -> Result<String> {
        let schemes = Arc::clone(&self.schemes);
        let salt = salt(&*self.random);
        self.pool
            .run(move || schemes.hash(&password, &salt))
            .await?
    }

    async fn verify(&self, password: String, hash: Option<String>) -> Result<PasswordCheck> {
        let schemes = Arc::clone(&self.schemes);
        self.pool
            .run(move || schemes.check(&password, hash.as_deref()))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::CountingRandom;

    const CHEAP: HashCost = HashCost {
        memory_kib: 8,
        passes: 1,
    };

    fn passwords(cost: HashCost) -> Argon2Passwords {
        let random = Arc::new(CountingRandom::default());
        Argon2Passwords::new(cost, PoolSize::default(), random).unwrap()
    }

    async fn check(password: &str, hash: Option<&str>) -> PasswordCheck {
        passwords(CHEAP)
            .verify(password.to_owned(), hash.map(str::to_owned))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let hash = passwords(CHEAP).hash("clave-nueva-9".to_owned()).await;
        let hash = hash.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert_eq!(
            check("clave-nueva-9", Some(&hash)).await,
            PasswordCheck::Right
        );
        assert_eq!(
            check("clave-nueva-8", Some(&hash)).await,
            PasswordCheck::Wrong
        );
    }

    #[tokio::test]
    async fn two_hashes_of_one_password_differ() {
        let passwords = passwords(CHEAP);
        let one = passwords.hash("clave-nueva-9".to_owned()).await.unwrap();
        let other = passwords.hash("clave-nueva-9".to_owned()).await.unwrap();
        assert_ne!(one, other);
    }

    #[tokio::test]
    async fn long_passwords_are_not_cut() {
        let long = "ñ".repeat(200);
        let hash = passwords(CHEAP).hash(long.clone()).await.unwrap();
        let longer = format!("{long}!");
        assert_eq!(check(&long, Some(&hash)).await, PasswordCheck::Right);
        assert_eq!(check(&longer, Some(&hash)).await, PasswordCheck::Wrong);
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_right_but_old() {
        let costly = HashCost {
            memory_kib: 16,
            passes: 2,
        };
        let hash = passwords(costly)
            .hash("clave-nueva-9".to_owned())
            .await
            .unwrap();
        assert_eq!(
            check("clave-nueva-9", Some(&hash)).await,
            PasswordCheck::RightButOld
        );
        assert_eq!(check("otra", Some(&hash)).await, PasswordCheck::Wrong);
    }

    #[tokio::test]
    async fn imported_bcrypt_hashes_are_right_but_old() {
        for prefix in ["$2a$", "$2b$", "$2y$"] {
            let hash = bcrypt::hash("vieja", 4).unwrap().replace("$2b$", prefix);
            assert_eq!(
                check("vieja", Some(&hash)).await,
                PasswordCheck::RightButOld,
                "{prefix}"
            );
            assert_eq!(
                check("nueva", Some(&hash)).await,
                PasswordCheck::Wrong,
                "{prefix}"
            );
        }
    }

    /// Django's own hashes, as `make_password` gives them.
    #[tokio::test]
    async fn imported_pbkdf2_hashes_are_right_but_old() {
        let hash = "pbkdf2_sha256$1000$sal-de-prueba$NhsnqXhPU9J96KGfeBGmJRfaTLUkp9Izidct/mHEgl0=";
        assert_eq!(
            check("Gol-2026x", Some(hash)).await,
            PasswordCheck::RightButOld
        );
        for wrong in ["gol-2026x", "", "Gol-2026x "] {
            assert_eq!(check(wrong, Some(hash)).await, PasswordCheck::Wrong);
        }
        for odd in [
            hash.replace("$1000$", "$0$"),
            hash.replace("$1000$", "$1001$"),
            hash.replace("$1000$", "$99000000$"),
            hash.replace("sal-de", "sal+de"),
            hash.replace("Nhsn", "!"),
            hash.replace("HEgl0=", ""),
            hash.replace("_sha256", "_sha1"),
            format!("{hash}$x"),
        ] {
            assert_eq!(
                check("Gol-2026x", Some(&odd)).await,
                PasswordCheck::Wrong,
                "{odd}"
            );
        }
    }

    #[tokio::test]
    async fn bcrypt_compares_the_first_72_bytes() {
        let long = "a".repeat(100);
        let hash = bcrypt::hash(&long, 4).unwrap();
        assert_eq!(check(&long, Some(&hash)).await, PasswordCheck::RightButOld);
        assert_eq!(
            check(&"a".repeat(71), Some(&hash)).await,
            PasswordCheck::Wrong
        );
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        for password in ["", "clave-nueva-9"] {
            assert_eq!(check(password, None).await, PasswordCheck::Wrong);
        }
    }

    #[tokio::test]
    async fn no_password_fits_a_hash_that_nobody_understands() {
        let endless = bcrypt::hash("vieja", 4).unwrap().replace("$04$", "$31$");
        let costly = passwords(CHEAP).hash("vieja".to_owned()).await.unwrap();
        let long = costly.replace("t=1,", "t=4294967295,");
        let large = costly.replace("m=8,", "m=4294967295,");
        for hash in [
            "",
            "vieja",
            "$argon2id$v=19$m=8",
            "$2b$04$short",
            &endless,
            &long,
            &large,
        ] {
            assert_eq!(
                check("vieja", Some(hash)).await,
                PasswordCheck::Wrong,
                "{hash}"
            );
        }
    }

    #[test]
    fn a_cost_that_argon2_does_not_know_is_refused() {
        let cost = HashCost {
            memory_kib: 1,
            passes: 0,
        };
        let random = Arc::new(CountingRandom::default());
        let error = Argon2Passwords::new(cost, PoolSize::default(), random)
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            "Argon2 does not work with 1 KiB of memory and 0 passes"
        );
    }
}
