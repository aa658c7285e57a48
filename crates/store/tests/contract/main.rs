//! What every store must do, whatever its database. Each test gets a fresh
//! database, and leaves one in which nothing contradicts anything else.
//!
//! On SQLite, or on the server that `TEST_DATABASE_URL` names.

mod app;
mod catch_up;
mod commits;
mod copies;
#[cfg(target_os = "linux")]
#[path = "../../../testkit/src/database_server.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "the whole server's tests use more of it, from another crate"
)]
mod database_server;
mod erasure;
#[cfg(target_os = "linux")]
mod faults;
mod files;
mod histories;
mod in_doubt;
mod invariants;
mod lines;
mod lists;
mod many_nodes;
mod marks;
mod members;
mod messages;
mod outbox;
mod pairs;
#[path = "../schema/parse.rs"]
#[expect(dead_code, reason = "the schema's own tests read more of it")]
mod parse;
mod rooms;
mod rows;
mod sessions;
mod shown;
mod starts;
#[cfg(target_os = "linux")]
mod tls;
mod users;
mod world;
