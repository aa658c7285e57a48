//! The [`Bus`](tertulia_domain::Bus) port: how committed events reach every
//! node's hub.
//!
//! One node needs no more than [`MemoryBus`]. NATS and Redis come beside it,
//! with one envelope, the versioned form that events take between nodes.

mod memory;

pub use memory::MemoryBus;
