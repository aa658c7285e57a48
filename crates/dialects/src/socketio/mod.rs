//! Socket.IO, the wire of two older systems and of most chat clients there are.
//!
//! [`engine`] is the protocol itself and knows nothing of chats.

pub mod engine;
