//! What is answered over HTTP beside the dialects: the page at `/`, health,
//! metrics; and what holds for every answer.

mod health;
mod home;
mod observe;
mod problem;
pub(crate) mod reply;

pub(crate) use health::{Readiness, routes as health_routes};
pub(crate) use home::page as home_page;
pub(crate) use observe::observe;
pub(crate) use problem::{not_found, panicked};
