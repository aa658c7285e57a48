//! The [`Store`](tertulia_domain::Store) port over SQL: over SQLite, which lives
//! in this process, and over PostgreSQL, MySQL and MariaDB, through one seam.
//!
//! Start at [`SqlStore`]: it implements the ports and hands each call, as one
//! transaction, to the module that is about its matter. `commit` carries out
//! what the domain's writer has queued; `sql` is the only module that knows
//! which database it is; `pool` holds connections and threads;
//! `migrations/` describes the tables, for each database; [`transfer`] moves all
//! that is stored from one to another.
//!
//! Nothing of a driver leaves this crate: its errors travel, boxed, inside
//! [`Unavailable`](tertulia_domain::Error::Unavailable).

mod catch_up;
mod codes;
mod commit;
mod erasure;
mod files;
mod ids;
mod invites;
mod member_settings;
mod members;
mod messages;
mod migrate;
mod open;
mod outbox;
mod pool;
mod receipts;
mod room_lists;
mod rooms;
mod server;
mod sessions;
mod sql;
mod store;
mod stored_json;
pub mod transfer;
mod uploads;
mod users;
mod value;
mod wal;

pub use open::{Database, OpenError, Options};
pub use sql::address::{AddressError, ServerAddress};
pub use store::SqlStore;
