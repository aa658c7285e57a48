//! What a connection holds until a dialect takes it over as a WebSocket.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tertulia_dialects::common::seats::Seat;

/// A connection's time as one of plain HTTP.
#[derive(Debug, Default)]
pub(crate) struct Passage {
    through: AtomicBool,
    /// Its place among those of its address; a WebSocket without a login has
    /// another one with its dialect.
    seat: Mutex<Option<Seat>>,
}

impl Passage {
    pub(crate) fn new(seat: Option<Seat>) -> Self {
        Self {
            through: AtomicBool::new(false),
            seat: Mutex::new(seat),
        }
    }

    /// The connection is a WebSocket from now on.
    pub(crate) fn end(&self) {
        self.through.store(true, Ordering::Relaxed);
        let seat = self.seat.lock().take();
        drop(seat);
    }

    /// Whether the connection is a WebSocket.
    pub(crate) fn is_through(&self) -> bool {
        self.through.load(Ordering::Relaxed)
    }
}
