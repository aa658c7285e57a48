//! Passwords and tokens: Argon2id on a bounded pool, and signed access tokens.
//!
//! The implementations of the domain's ports [`Passwords`] and [`Tokens`].
//! Nothing here knows who a user is, when a session ends or how often somebody
//! may try; that is the domain's.
//!
//! [`Passwords`]: tertulia_domain::Passwords
//! [`Tokens`]: tertulia_domain::Tokens

mod app_tokens;
mod passwords;
mod seals;
mod secret;
mod tokens;

#[cfg(test)]
mod odd_headers;
#[cfg(test)]
mod test_random;

pub use app_tokens::{AppKeys, AppTokens, UnusableKey};
pub use passwords::{Argon2Passwords, CostOutOfRange, HashCost, PoolSize};
pub use secret::{SigningSecret, WeakSecret};
pub use tokens::{IzpoChatKey, JwtTokens, TokenKeys};
