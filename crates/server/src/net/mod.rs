//! Sockets: listening, letting in, TLS, HTTP/1.1, and draining.
//!
//! hyper speaks HTTP; what it is lenient about is refused in [`strict`]. A
//! connection's [`Place`](admission::Place) lives inside its socket, so that it
//! is held as long as a WebSocket is, too. Until it is one, it also counts
//! against its address ([`passage`]), and its client must read ([`stall`]).

pub(crate) mod admission;
mod connection;
mod file_limit;
mod listener;
mod passage;
pub(crate) mod pinned;
mod stall;
mod stream;
mod strict;
pub(crate) mod tls;
mod turn;

pub(crate) use admission::{Admission, Bounds};
pub(crate) use connection::{Front, Patience, refusal};
pub(crate) use file_limit::most_connections;
pub use file_limit::raise as raise_file_limit;
pub(crate) use listener::{Listener, bind};
pub(crate) use turn::Turns;
