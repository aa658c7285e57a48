//! What is answered over HTTP beside the dialects: the page at `/`, health,
//! metrics; and what holds for every answer.

#[cfg(feature = "docs")]
mod docs;
mod health;
mod home;
mod observe;
mod problem;
pub(crate) mod reply;

#[cfg(feature = "docs")]
pub(crate) use docs::routes as docs_routes;
pub(crate) use health::{Readiness, routes as health_routes};
pub(crate) use home::page as home_page;
pub(crate) use observe::observe;
pub(crate) use problem::{not_found, panicked};
