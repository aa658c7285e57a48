//! Sockets: listening, letting in, TLS, HTTP/1.1, and draining.
//!
//! hyper speaks HTTP; what it is lenient about is refused in [`strict`]. A
//! connection's [`Place`](admission::Place) lives inside its socket, so that it
//! is held as long as a WebSocket is, too.

pub(crate) mod admission;
mod connection;
mod file_limit;
mod listener;
pub(crate) mod pinned;
mod strict;
pub(crate) mod tls;

pub(crate) use admission::{Admission, Bounds};
pub(crate) use connection::{Front, refusal};
pub(crate) use file_limit::{most_connections, raise as raise_file_limit};
pub(crate) use listener::{Listener, bind};
