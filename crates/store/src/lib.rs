//! The [`Store`](tertulia_domain::Store) port over SQL. Today over SQLite, which
//! lives in this process; PostgreSQL and MySQL come through the same seam.
//!
//! Start at [`SqlStore`]: it implements the ports and hands each call, as one
//! transaction, to the module that is about its matter. `commit` carries out
//! what the domain's writer has queued; `sql` is the only module that knows
//! which database it is; `pool` holds connections and threads;
//! `migrations/sqlite/` describes the tables.
//!
//! Nothing of a driver leaves this crate: its errors travel, boxed, inside
//! [`Unavailable`](tertulia_domain::Error::Unavailable).

mod catch_up;
mod codes;
mod commit;
mod files;
mod ids;
mod invites;
mod member_settings;
mod members;
mod messages;
mod migrate;
mod open;
mod pool;
mod receipts;
mod room_lists;
mod rooms;
mod sessions;
mod sql;
mod store;
mod uploads;
mod users;
mod value;

pub use open::{OpenError, Options};
pub use store::SqlStore;
