//! The words that tokens are signed with, and which of them are refused (S3).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tertulia_domain::Random;

/// The least length, that of an HS256 digest (RFC 7518 §3.2).
const MIN_BYTES: usize = 32;
const GENERATED_BYTES: usize = 32;

/// A secret that repeats so few bytes is a keyboard exercise.
const LONGEST_REPEATED: usize = 8;
const FEWEST_DIFFERENT: usize = 6;

/// Words that stand in examples and defaults to be replaced. Whoever reads the
/// example can sign tokens.
const PLACEHOLDERS: &[&str] = &[
    "cambia-esta",
    "cambia_esta",
    "cambiame",
    "cambiar-en-produccion",
    "change-in-prod",
    "change-me",
    "change-this",
    "change_in_prod",
    "change_me",
    "change_this",
    "changeme",
    "changethis",
    "django-insecure",
    "insecure-secret",
    "replace-me",
    "replace_me",
    "secret-key-here",
    "secret_key_here",
    "your-256-bit-secret",
    "your-secret",
    "your_jwt_secret",
    "your_secret",
];

/// Short words that are too well known to be called merely short.
const WELL_KNOWN: &[&str] = &[
    "admin",
    "clave",
    "clave-secreta",
    "dev",
    "dev-secret",
    "dev-secret-key",
    "jwt",
    "key",
    "password",
    "secret",
    "secret-key",
    "secreto",
    "super-secret",
    "supersecret",
    "test",
];

/// A secret that may sign tokens: 32 bytes or more, and no example.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(String);

/// Why a secret may not sign tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// It stands in an example that everybody can read.
    #[error("it contains the well-known example `{0}`")]
    Example(&'static str),
    /// It has too few bytes.
    #[error("it has {bytes} bytes, and at least 32 are needed")]
    TooShort {
        /// How many it has.
        bytes: usize,
    },
    /// It says the same over and over.
    #[error("it repeats the same few characters")]
    Repetitive,
}

impl SigningSecret {
    /// Takes a secret as it was configured; its UTF-8 bytes are the key, as in
    /// the older systems.
    ///
    /// # Errors
    /// When it is known, short or repetitive.
    pub fn parse(text: &str) -> Result<Self, WeakSecret> {
        if let Some(word) = example_in(text) {
            return Err(WeakSecret::Example(word));
        }
        if text.len() < MIN_BYTES {
            return Err(WeakSecret::TooShort { bytes: text.len() });
        }
        if is_repetitive(text.as_bytes()) {
            return Err(WeakSecret::Repetitive);
        }
        Ok(Self(text.to_owned()))
    }

    /// Makes one of 32 random bytes, as 43 characters of base64url.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = [0; GENERATED_BYTES];
        random.fill(&mut bytes);
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The secret itself: to sign with, to store, and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(***)")
    }
}

fn example_in(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let placeholder = PLACEHOLDERS.iter().find(|word| text.contains(**word));
    let known = || WELL_KNOWN.iter().find(|word| text == **word);
    placeholder.or_else(known).copied()
}

fn is_repetitive(bytes: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in bytes {
        seen[usize::from(*byte)] = true;
    }
    let different = seen.iter().filter(|seen| **seen).count();
    different < FEWEST_DIFFERENT
        || (1..=LONGEST_REPEATED).any(|period| bytes[period..] == bytes[..bytes.len() - period])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::CountingRandom;

    fn check(secret: &str, expected: Result<(), WeakSecret>) {
        let result = SigningSecret::parse(secret).map(|_| ());
        assert_eq!(result, expected, "{secret}");
    }

    #[test]
    fn examples_are_refused_however_long() {
        check("change_me", Err(WeakSecret::Example("change_me")));
        check("secret", Err(WeakSecret::Example("secret")));
        check("SuperSecret", Err(WeakSecret::Example("supersecret")));
        check(
            "your-secret-key-change-this-in-production",
            Err(WeakSecret::Example("change-this")),
        );
        check(
            "django-insecure-8h2$k1!x0vq9z7w3@n5b6m4c",
            Err(WeakSecret::Example("django-insecure")),
        );
    }

    #[test]
    fn short_ones_are_refused() {
        check("", Err(WeakSecret::TooShort { bytes: 0 }));
        check(
            "k9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0Py",
            Err(WeakSecret::TooShort { bytes: 31 }),
        );
    }

    #[test]
    fn repetitions_are_refused() {
        check(&"x".repeat(64), Err(WeakSecret::Repetitive));
        check(&"secret".repeat(8), Err(WeakSecret::Repetitive));
        check(&"12345678".repeat(4), Err(WeakSecret::Repetitive));
        check(&"abcab".repeat(9), Err(WeakSecret::Repetitive));
    }

    #[test]
    fn others_are_taken_as_they_are() {
        check("k9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA", Ok(()));
        check("0f1e2d3c4b5a69788796a5b4c3d2e1f0", Ok(()));
        check("la tertulia de los martes a las seis", Ok(()));
        let secret = SigningSecret::parse(" k9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0Py").unwrap();
        assert_eq!(secret.expose(), " k9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0Py");
    }

    #[test]
    fn made_ones_differ_and_are_good_enough() {
        let random = CountingRandom::default();
        let one = SigningSecret::generate(&random);
        let other = SigningSecret::generate(&random);
        assert_ne!(one, other);
        assert_eq!(one.expose().len(), 43);
        assert_eq!(SigningSecret::parse(one.expose()).as_ref(), Ok(&one));
    }

    #[test]
    fn it_does_not_show_itself() {
        let secret = SigningSecret::generate(&CountingRandom::default());
        assert_eq!(format!("{secret:?}"), "SigningSecret(***)");
    }
}
