//! A whole server in this process, one client per dialect, and transcripts.
//!
//! ```no_run
//! # async fn test() {
//! use tertulia_testkit::TestServer;
//!
//! let server = TestServer::spawn().await;
//! let mut ines = server.kaapehchat("A").await;
//! ines.register("ines").await;
//! ines.request("chat:list", &serde_json::json!({})).await;
//! let list = ines.expect("chat:list:ok").await;
//! assert_eq!(list["chats"], serde_json::json!([]));
//! server.shutdown().await;
//! # }
//! ```
//!
//! Every test has its own server with its own database. Time stands still until
//! [`TestClock::advance`], and ids and tokens are the same in every run, so
//! snapshots need no redaction. [`TestServer::shutdown`] is strict: it fails the
//! test on frames that nobody read and on errors in the log that nobody
//! expected.

pub mod checker;
mod clock;
mod database;
#[cfg(target_os = "linux")]
mod database_server;
mod form;
mod http;
mod inbox;
mod kaapehchat;
mod logs;
mod process;
mod random;
mod raw;
mod sender;
mod server;
mod socket;
mod socketio;
mod sql;
mod transcript;
mod v1;

pub use clock::{START, TestClock};
pub use database::is_sqlite;
#[cfg(target_os = "linux")]
pub use database_server::{DatabaseServer, can_mount, fill, on_small_disk, seen_by};
pub use form::{Form, PDF, PNG};
pub use http::{HttpClient, HttpRequest, HttpResponse, path_of};
pub use inbox::{Closed, Frame};
pub use kaapehchat::{KaapehAccount, KaapehClient, PASSWORD};
pub use process::{ServerProcess, ServerProcessBuilder};
pub use random::SeededRandom;
pub use raw::exchange_until_closed;
pub use sender::{Seen, Sender};
pub use server::{TestServer, TestServerBuilder};
pub use socket::Socket;
pub use socketio::SocketIoClient;
pub use sql::{SqlClient, SqlRow};
pub use transcript::Transcript;
pub use v1::{V1Account, V1Client};
