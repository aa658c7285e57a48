//! Passwords and tokens: Argon2id on a bounded pool, and signed access tokens.
