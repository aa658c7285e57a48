//! Frames of clients, read; events, written.

mod decoding;
mod encoding;

use super::session::V1Session;

/// Most connections are idle most of the time.
#[test]
fn a_session_is_small() {
    assert!(size_of::<V1Session>() <= 96, "{}", size_of::<V1Session>());
}
