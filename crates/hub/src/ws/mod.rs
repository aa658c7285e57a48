//! WebSocket (RFC 6455) as a server speaks it: handshake, frames in, frames out, compression.
//!
//! Nothing here does input or output. The decoder is fed bytes, the encoder returns bytes, the
//! handshake looks at a request; the connection owns the socket.

mod close;
mod decode;
pub mod deflate;
pub mod frame;
pub mod handshake;
mod header;
mod mask;

pub use close::{Close, code};
pub use decode::{Decoder, Frame, Violation};
