//! Engine.IO 4 and Socket.IO 5, as their public protocol documents say.
//!
//! Two layers, one in the other: an Engine.IO [`packet`] is one WebSocket
//! message or one part of a polling body, and a Socket.IO [`socket_packet`] is
//! what an Engine.IO message carries, its binary attachments following it.
//! [`door`] takes the HTTP requests, [`session`] is Engine.IO on a connection of
//! the hub, around a [`socket_session`], which knows namespaces and speaks with
//! an application.
//!
//! Nothing that comes from outside can make a decoder panic, wait or allocate
//! beyond its bounds. What breaks the protocol is [`Invalid`], and ends the
//! connection (`reliability.md` §3).

pub mod door;
pub mod packet;
mod polling;
pub mod session;
pub mod socket_packet;
pub mod socket_session;

use std::fmt;

/// What came breaks the protocol. The connection that sent it ends: where the
/// next packet begins, and what it would mean, can no longer be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid(pub &'static str);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Invalid {}

#[cfg(test)]
mod tests;
