//! This node's live connections: WebSocket framing, bounded outboxes and fan-out.
//!
//! The hub sees events and bytes, never JSON shapes. A dialect brings two things: a [`Codec`],
//! which says an event in its wire form once for all readers, and a [`Session`] for each socket,
//! which understands requests and answers them. Everything between those two is here.
//!
//! ```text
//!            events                     frames                        bytes
//!   bus ──► Hub::deliver ──► Codec ──► Outbox (shared lane) ──┐
//!                                                             ├──► Connection ──► socket
//!   domain ◄── Session ──── replies ──► Outbox (own lane) ────┘        │
//!                 ▲                                                    │
//!                 └──────────────── requests ◄── Decoder ◄─────────────┘
//! ```
//!
//! # A connection's life
//!
//! 1. `server` takes the upgrade request, [`ws::handshake::check`] answers it.
//! 2. [`Hub::link`] gives the connection's [`Link`], with its [`Outbox`]. The dialect makes a
//!    session that keeps the link, and spawns the [`Connection`] of [`Hub::connection`] as the
//!    one task of this socket.
//! 3. The session logs in and goes live as [`link`] describes: without a hole and without a
//!    repeat.
//! 4. [`Hub::deliver`] is called with each batch of events, by one task. Who gets an event follows
//!    from the event alone. Each wire form is encoded once. Each connection gets all that waits
//!    in one piece: [`Hub::run_writing`] writes to those that sleep with nothing in hand, the
//!    others are woken, once for a batch.
//! 5. The connection ends; its session is dropped, and with it the link, the listeners and the
//!    user's presence. [`Hub::shutdown`] ends all of them.
//!
//! # What is bounded, and where
//!
//! | what | bound | beyond it |
//! |---|---|---|
//! | a message | [`ConnectionSettings::message_bytes`], inflated | close 1009 |
//! | fan-out that waits for a socket | [`OutboxLimits::shared_bytes`] | close 1013 `slow_consumer` |
//! | time without progress of a socket | [`ConnectionSettings::stall_timeout`] | the same |
//! | replies that wait for a socket | [`OutboxLimits::own_bytes`] and one reply | no request is read |
//! | requests in progress | [`ConnectionSettings::pending_replies`] | no request is read |
//! | events held while catching up | half of [`OutboxLimits::shared_bytes`] | [`Released::ReadAgain`] |
//! | connections of a user, rooms of a connection | [`HubSettings`] | [`Refused`] |
//!
//! # Locks
//!
//! All are short, none is held across an await. A lock may be taken while those before it in this
//! list are held, never the other way round:
//!
//! 1. `Hub::delivery`: one delivery at a time, so that events keep their order;
//! 2. a shard of `Rooms`: whatever changes a room's list of listeners. [`Codec::encode`] runs
//!    under it, once for each wire form and facet;
//! 3. one of: the state of a `Core` (who it is, its rooms), the state of an [`Outbox`], the table
//!    of `Users`, the states of `Presence` and `Attendance`, the table of links, the list of
//!    connections to be written to. Under these nothing else is taken, no code of a dialect runs, no
//!    task is woken and no frame is freed.

pub mod codec;
pub mod connection;
pub mod hub;
pub mod link;
pub mod outbox;
pub mod presence;
pub mod session;
pub mod ws;

mod attendance;
mod deliver;
mod gate;
mod rooms;
mod run;
mod scratch;
mod users;

pub use codec::{Codec, CodecId, Codecs, Encoded, Facet, Farewell};
pub use connection::{Connection, ConnectionSettings, Ended};
pub use gate::Released;
pub use hub::{Figures, Hub, HubSettings};
pub use link::{Attachment, Follow, Link, Refused};
pub use outbox::{DirectSocket, Gone, Outbox, OutboxLimits};
pub use presence::PresenceSink;
pub use session::{Flow, FollowUp, Message, Replies, Reply, Session};

#[cfg(test)]
mod tests;
