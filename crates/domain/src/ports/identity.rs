//! Passwords and tokens.

use async_trait::async_trait;

use crate::session::{AppClaims, InstallationClaims, RefreshClaims};
use crate::{AccessClaims, Result, Timestamp};

/// Hashes passwords, on a bounded pool and never on the caller's thread (S5).
#[async_trait]
pub trait Passwords: Send + Sync + 'static {
    /// A hash in PHC form.
    ///
    /// # Errors
    /// [`Error::SlowDown`](crate::Error::SlowDown) when too many wait already.
    async fn hash(&self, password: String) -> Result<String>;

    /// Compares a password with a hash, Argon2id or an imported one. Without a
    /// hash it takes as long and never matches (S6).
    ///
    /// # Errors
    /// As [`hash`](Self::hash).
    async fn verify(&self, password: String, hash: Option<String>) -> Result<PasswordCheck>;
}

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// Another password.
    Wrong,
    /// The password.
    Right,
    /// The password, under an old scheme: hash it anew.
    RightButOld,
}

/// Makes and reads signed access tokens (S2).
pub trait Tokens: Send + Sync + 'static {
    /// Signs the claims.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable) when signing fails.
    fn issue(&self, claims: &AccessClaims) -> Result<String>;

    /// Reads a token made by [`issue`](Self::issue).
    ///
    /// # Errors
    /// [`Error::InvalidToken`](crate::Error::InvalidToken) for everything that
    /// is not exactly such a token, or has ended at `now`.
    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims>;

    /// Signs a refresh token in the form of a JWT. It opens no socket and answers
    /// no call: [`verify`](Self::verify) refuses it.
    ///
    /// # Errors
    /// As [`issue`](Self::issue).
    fn issue_refresh(&self, claims: &RefreshClaims) -> Result<String>;

    /// Reads a token made by [`issue_refresh`](Self::issue_refresh).
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<RefreshClaims>;

    /// Reads a token that an older installation made (`contracts/README.md`).
    ///
    /// # Errors
    /// As [`verify`](Self::verify); always, when that installation's key is not
    /// configured.
    fn verify_installation(
        &self,
        installation: Installation,
        token: &str,
        now: Timestamp,
    ) -> Result<InstallationClaims>;

    /// Reads a token that the app signed itself; never one that says to be
    /// Tertulia's.
    ///
    /// # Errors
    /// As [`verify`](Self::verify); always, when the app's key is not
    /// configured.
    fn verify_app(&self, token: &str, now: Timestamp) -> Result<AppClaims>;

    /// A seal for what a client keeps for us, so that it comes back as it left.
    /// Nobody else can make one. `purpose` keeps the seals of one matter from
    /// being taken for those of another.
    fn seal(&self, purpose: &str, content: &[&[u8]]) -> [u8; 32];

    /// Whether this is a seal that [`seal`](Self::seal) made of the same purpose
    /// and content, also before the last change of secrets.
    fn is_sealed(&self, purpose: &str, content: &[&[u8]], seal: &[u8]) -> bool;
}

/// Signs links, so that whoever shows one proves that it was made here. With
/// another key than that of tokens.
pub trait LinkSigner: Send + Sync + 'static {
    /// The signature of a text.
    fn sign(&self, text: &str) -> [u8; 32];

    /// Whether [`sign`](Self::sign) made this signature of the text, with the
    /// present or the previous secret.
    fn is_signed(&self, text: &str, signature: &[u8]) -> bool;
}

/// The older systems whose tokens are honoured, each by its own dialect only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Installation {
    /// `sub` UUID and `usr`, HS256 with `JWT_SECRET`.
    KaapehChat,
    /// SimpleJWT's claims with `user_id` a UUID, HS256 with `JWT_SECRET_KEY` or
    /// `SECRET_KEY`.
    SosHabilidoso,
    /// `sub` username and `exp` alone, HS256 with `SECRET_KEY`.
    IzpoChat,
}
