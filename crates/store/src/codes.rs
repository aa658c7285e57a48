//! The numbers that stand for kinds, roles and states in the database. They
//! never change; a new variant takes a new number.

use tertulia_domain::pairing::Transport;
use tertulia_domain::ports::IdKind;
use tertulia_domain::{
    MembershipState, MessageKind, ReceiptKind, Role, RoomKind, UserState, Visibility,
};

use crate::sql::{Error, Result};
use crate::value::{FromValue, Value};

macro_rules! codes {
    ($($type:ident { $($variant:ident = $code:literal),* $(,)? })*) => {$(
        impl From<$type> for Value<'_> {
            fn from(value: $type) -> Self {
                Self::Integer(match value {
                    $($type::$variant => $code),*
                })
            }
        }

        impl FromValue for $type {
            fn from_value(value: Value<'_>) -> Result<Self> {
                match i64::from_value(value)? {
                    $($code => Ok($type::$variant),)*
                    other => Err(Error::damaged(format!(
                        "{other} is no {}", stringify!($type)
                    ))),
                }
            }
        }
    )*};
}

codes! {
    IdKind { User = 0, Room = 1, Message = 2, Session = 3, File = 4 }
    UserState { Active = 0, Suspended = 1, Deleted = 2 }
    RoomKind { Direct = 0, Group = 1, Channel = 2 }
    Visibility { Private = 0, Public = 1 }
    Role { Member = 0, Admin = 1, Owner = 2 }
    MembershipState { Active = 0, Pending = 1, Left = 2, Banned = 3 }
    MessageKind { Text = 0, Image = 1, File = 2, Audio = 3, Video = 4, System = 5 }
    ReceiptKind { Delivered = 0, Read = 1 }
    Transport { Socket = 0, Call = 1 }
}
