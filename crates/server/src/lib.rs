//! The program: settings, wiring, listeners, telemetry and commands. The one
//! place that knows everything.
//!
//! [`build`] makes a running [`Server`] from [`Settings`](config::Settings) and
//! a [`World`]; `main` and the tests both call it.

mod banner;
pub mod cli;
pub mod config;
mod engine;
mod files;
mod http;
mod live;
mod measure;
mod memory;
mod net;
mod routes;
mod server;
mod stop;
mod telemetry;
mod vitals;
mod world;

pub use net::raise_file_limit;
pub use net::tls::install_provider;
pub use server::{Server, build};
pub use world::{SystemClock, SystemRandom, World};
