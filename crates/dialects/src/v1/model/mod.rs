//! The shapes of `/v1`, the same over HTTP and on the socket. Ids are strings,
//! times RFC 3339 in UTC with milliseconds. Nothing here depends on who reads,
//! except where it says so.

mod file;
mod message;
mod room;
mod user;

use serde::{Serialize, Serializer};
use tertulia_domain::{FileId, MessageId, RoomId, SessionId, Timestamp, UserId};
use utoipa::ToSchema;

pub(crate) use file::File;
pub(crate) use message::{Message, Receipt};
pub(crate) use room::{Invite, Member, Role, Room, RoomInfo, RoomKind, Visibility};
pub(crate) use user::{Account, Session, SignedIn, Status, User, UserBrief};

use crate::common::time::Rfc3339;

/// An id: the digits of a number below 2^53, without leading zeros. Says nothing
/// about order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, pattern = "^[1-9][0-9]{0,15}$", example = "42")]
pub(crate) struct Id(i64);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

macro_rules! from_id {
    ($($id:ty),*) => {
        $(impl From<$id> for Id {
            fn from(id: $id) -> Self {
                Self(id.0)
            }
        })*
    };
}

from_id!(UserId, RoomId, MessageId, SessionId, FileId);

/// A time: RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-02-03T15:00:00.123Z")]
pub(crate) struct Time(Rfc3339);

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self(Rfc3339::new(time))
    }
}

macro_rules! pages {
    ($($page:ident of $item:ident;)*) => {
        $(
            /// One page of a list.
            #[derive(Debug, Serialize, ToSchema)]
            pub(crate) struct $page {
                /// What it holds.
                pub items: Vec<$item>,
                /// Give it as `cursor` to get the next page; `null` on the last
                /// one. Its form is nobody's business.
                #[schema(required, example = "AgAAAAAAAAAq")]
                pub next_cursor: Option<String>,
            }
        )*
    };
}

pages! {
    UserPage of User;
    SessionPage of Session;
    RoomPage of Room;
    MemberPage of Member;
    MessagePage of Message;
    ReceiptPage of Receipt;
    FilePage of File;
}
