//! Files as every dialect handles them: links to them, uploads as forms, and
//! their bytes over HTTP.

mod body;
mod form;
mod links;
mod serve;
mod unfinished;

pub(crate) use body::{Broken, Pieces};
pub use form::{Form, FormRefusal, FormRules, ReceivedFile, read_form};
pub(crate) use links::LinkClaim;
pub use links::{FileLinks, PublicAddress};
pub(crate) use serve::ServesBytes;
pub use serve::{Asked, serve};
pub use unfinished::Unfinished;

#[cfg(test)]
pub(crate) use links::tests;
