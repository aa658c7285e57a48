//! This node's live connections: WebSocket framing, bounded outboxes and fan-out.

pub mod ws;
