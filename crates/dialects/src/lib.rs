//! The wire protocols: thin translators over the one domain.

pub mod common;
pub mod v1;
