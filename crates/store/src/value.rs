//! What goes into statements and comes out of rows. Texts and bytes are
//! borrowed both ways, so that storing a message copies nothing.

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use tertulia_domain::file::{BlobKey, FileType};
use tertulia_domain::{
    FileId, MessageId, OutboxId, Revision, RoomId, Seq, SessionId, Timestamp, UserId,
};
use uuid::Uuid;

use crate::sql::{Error, Result};

/// One parameter or column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'v> {
    /// Nothing.
    Null,
    /// A number.
    Integer(i64),
    /// UTF-8.
    Text(&'v str),
    /// Bytes.
    Bytes(&'v [u8]),
}

impl<'v> Value<'v> {
    pub(crate) fn of_sqlite(value: ValueRef<'v>) -> Result<Self> {
        match value {
            ValueRef::Null => Ok(Self::Null),
            ValueRef::Integer(number) => Ok(Self::Integer(number)),
            // Others may have written what is no text.
            ValueRef::Text(text) => Ok(match std::str::from_utf8(text) {
                Ok(text) => Self::Text(text),
                Err(_) => Self::Bytes(text),
            }),
            ValueRef::Blob(bytes) => Ok(Self::Bytes(bytes)),
            ValueRef::Real(_) => Err(Error::damaged("no column holds fractions")),
        }
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(yes: bool) -> Self {
        Self::Integer(i64::from(yes))
    }
}

/// A page's limit.
impl From<usize> for Value<'_> {
    fn from(number: usize) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// A count of bytes.
impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl<'v> From<&'v BlobKey> for Value<'v> {
    fn from(key: &'v BlobKey) -> Self {
        Self::Text(key.as_str())
    }
}

impl From<FileType> for Value<'_> {
    fn from(kind: FileType) -> Self {
        Self::Text(kind.mime())
    }
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(text: &'v str) -> Self {
        Self::Text(text)
    }
}

impl<'v> From<&'v String> for Value<'v> {
    fn from(text: &'v String) -> Self {
        Self::Text(text)
    }
}

impl<'v, const N: usize> From<&'v [u8; N]> for Value<'v> {
    fn from(bytes: &'v [u8; N]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'v> From<&'v Uuid> for Value<'v> {
    fn from(uuid: &'v Uuid) -> Self {
        Self::Bytes(uuid.as_bytes())
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(time: Timestamp) -> Self {
        Self::Integer(time.as_micros())
    }
}

impl<'v, T> From<Option<T>> for Value<'v>
where
    Value<'v>: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}

/// What a column can be read as.
pub(crate) trait FromValue: Sized {
    /// Fails when the column holds something else: the database is damaged.
    fn from_value(value: Value<'_>) -> Result<Self>;
}

impl FromValue for i64 {
    fn from_value(value: Value<'_>) -> Result<Self> {
        match value {
            Value::Integer(number) => Ok(number),
            other => Err(unexpected("a number", other)),
        }
    }
}

impl FromValue for u64 {
    fn from_value(value: Value<'_>) -> Result<Self> {
        i64::from_value(value)?.try_into().map_err(Error::damaged)
    }
}

impl FromValue for u32 {
    fn from_value(value: Value<'_>) -> Result<Self> {
        i64::from_value(value)?.try_into().map_err(Error::damaged)
    }
}

impl FromValue for BlobKey {
    fn from_value(value: Value<'_>) -> Result<Self> {
        let text = String::from_value(value)?;
        Self::parse(&text).ok_or_else(|| Error::damaged("a column holds no key of a blob"))
    }
}

impl FromValue for FileType {
    fn from_value(value: Value<'_>) -> Result<Self> {
        let text = String::from_value(value)?;
        Self::of_mime(&text).ok_or_else(|| Error::damaged("a column holds no type of files"))
    }
}

impl FromValue for bool {
    fn from_value(value: Value<'_>) -> Result<Self> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl FromValue for String {
    fn from_value(value: Value<'_>) -> Result<Self> {
        match value {
            Value::Text(text) => Ok(text.to_owned()),
            other => Err(unexpected("a text", other)),
        }
    }
}

impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: Value<'_>) -> Result<Self> {
        let Value::Bytes(bytes) = value else {
            return Err(unexpected("bytes", value));
        };
        bytes.try_into().map_err(Error::damaged)
    }
}

impl FromValue for Uuid {
    fn from_value(value: Value<'_>) -> Result<Self> {
        <[u8; 16]>::from_value(value).map(Self::from_bytes)
    }
}

impl FromValue for Timestamp {
    fn from_value(value: Value<'_>) -> Result<Self> {
        i64::from_value(value).map(Self::from_micros)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value<'_>) -> Result<Self> {
        match value {
            Value::Null => Ok(None),
            some => T::from_value(some).map(Some),
        }
    }
}

/// Says the type, never the content.
fn unexpected(wanted: &str, found: Value<'_>) -> Error {
    let found = match found {
        Value::Null => "nothing",
        Value::Integer(_) => "a number",
        Value::Text(_) => "a text",
        Value::Bytes(_) => "bytes",
    };
    Error::damaged(format!("a column holds {found} instead of {wanted}"))
}

macro_rules! numbers {
    ($($id:ident),*) => {$(
        impl From<$id> for Value<'_> {
            fn from(id: $id) -> Self {
                Self::Integer(id.0)
            }
        }

        impl FromValue for $id {
            fn from_value(value: Value<'_>) -> Result<Self> {
                i64::from_value(value).map(Self)
            }
        }
    )*};
}

numbers!(
    UserId, RoomId, MessageId, SessionId, FileId, OutboxId, Seq, Revision
);
