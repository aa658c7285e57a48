//! Bytes that differ from call to call and are the same in every run.

use std::sync::atomic::{AtomicU8, Ordering};

use tertulia_domain::Random;

/// Counts the bytes that it gave.
#[derive(Default)]
pub(crate) struct CountingRandom(AtomicU8);

impl Random for CountingRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}
