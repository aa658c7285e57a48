//! From a frame to an op, within bounds. What cannot be read becomes the reason
//! why, so that the client can be told.

use tertulia_domain::{Error, Reason, Result};
use tertulia_hub::session::Message;

use super::error::Refused;
use super::op::Op;
use crate::common::json::{self, Bounds};
use crate::v1::decode::Fields;

/// The longest `ref`, in bytes.
pub(super) const REF_BYTES: usize = 64;

/// One frame of a client.
#[derive(Debug)]
pub(super) struct Request {
    /// Comes back in the answer.
    pub(super) reference: Option<String>,
    /// What is asked for.
    pub(super) op: Result<Op, Refused>,
}

impl Request {
    /// Reads a frame.
    pub(super) fn decode(message: Message<'_>, bounds: Bounds) -> Self {
        let mut reference = None;
        let op = read(message, bounds, &mut reference);
        Self { reference, op }
    }
}

fn read(
    message: Message<'_>,
    bounds: Bounds,
    reference: &mut Option<String>,
) -> Result<Op, Refused> {
    let Message::Text(text) = message else {
        return Err(Refused::NotText);
    };
    let value = json::parse_text(text, bounds)?;
    let mut fields = Fields::new(value).map_err(|_| Refused::NotAnObject)?;
    *reference = read_ref(&mut fields)?;
    let name = fields.text("op")?;
    match Op::decode(&name, &mut fields) {
        Some(op) => Ok(op?),
        None => Err(Refused::UnknownOp),
    }
}

fn read_ref(fields: &mut Fields) -> Result<Option<String>> {
    match fields.optional_text("ref")? {
        Some(long) if long.len() > REF_BYTES => {
            Err(Error::invalid("ref", Reason::TooLong { max: REF_BYTES }))
        }
        reference => Ok(reference),
    }
}
