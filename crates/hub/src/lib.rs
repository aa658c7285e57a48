//! This node's live connections: WebSocket framing, bounded outboxes and fan-out.

pub mod connection;
pub mod outbox;
pub mod session;
pub mod ws;
