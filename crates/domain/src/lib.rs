//! What a chat *is*: users, rooms, messages, who may do what, and the use
//! cases that every wire protocol shares.
//!
//! Start at [`Chat`]: one method for each thing that a person can do. A message
//! takes this road: [`Chat::submit`] authorizes it ([`policy`]), validates it
//! ([`Draft::validate`]) and queues it for the [`writer`], which stores whatever
//! waits in one transaction ([`ports::WriteStore::commit`]), publishes the
//! committed events in their order ([`Bus`]) and then resolves each caller.
//!
//! This crate knows no transport, no SQL, no wire form and no clock but its
//! [`Clock`]. What it needs from outside it names in [`ports`].

pub mod chat;
pub mod command;
pub mod error;
pub mod event;
pub mod file;
pub mod ids;
pub mod limits;
pub mod message;
pub mod outbox;
pub mod pairing;
pub mod policy;
pub mod ports;
pub mod receipt;
pub mod room;
pub mod session;
pub mod time;
pub mod turn;
pub mod user;
mod writer;

mod authority;
mod cache;
mod common_passwords;
mod id_blocks;
mod login_guard;
mod message_uuid;
mod presence;

pub use chat::Chat;
pub use error::{Conflict, Denial, Entity, Error, Reason, Result, UploadRefusal};
pub use event::{Change, Event, PresenceCause, RoomEvent};
pub use file::File;
pub use ids::{FileId, MessageId, OutboxId, Position, Revision, RoomId, Seq, SessionId, UserId};
pub use limits::Limits;
pub use message::{ClientId, Draft, Message, MessageKind, Metadata, Reaction};
pub use message_uuid::MessageUuids;
pub use ports::{Blobs, Bus, Clock, Media, Passwords, Random, Store, Tokens};
pub use receipt::{ReceiptKind, Stretch};
pub use room::{Membership, MembershipState, Role, Room, RoomKind, Visibility};
pub use session::{AccessClaims, Identity, Session};
pub use time::Timestamp;
pub use user::{Profile, Status, User, UserState};
