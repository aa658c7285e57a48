//! Where a client stands: `{room id: [seq, revision]}`.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use tertulia_domain::{Error, Position, Reason, Result, Revision, RoomId, Seq};
use utoipa::openapi::schema::{ArrayBuilder, Object, ObjectBuilder};
use utoipa::openapi::{RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::v1::decode::parse_id;

/// Rooms, each once, and a place in each: how far a client has followed it, or
/// where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor(pub(super) Vec<(RoomId, Position)>);

/// The name of the field that holds it.
const FIELD: &str = "cursor";

impl Cursor {
    /// The place in a room.
    pub(super) fn at(&self, room: RoomId) -> Option<Position> {
        let place = self.0.iter().find(|(known, _)| *known == room);
        place.map(|(_, at)| *at)
    }

    /// Notes the place in a room.
    pub(super) fn set(&mut self, room: RoomId, at: Position) {
        match self.0.iter_mut().find(|(known, _)| *known == room) {
            Some((_, known)) => *known = at,
            None => self.0.push((room, at)),
        }
    }

    /// Reads a cursor; null is none. How many rooms it may name is bounded as
    /// the members of any object.
    ///
    /// # Errors
    /// [`Error::Invalid`] for anything else.
    pub(super) fn read(value: &Value) -> Result<Option<Self>> {
        let rooms = match value {
            Value::Null => return Ok(None),
            Value::Object(rooms) => rooms,
            _ => return Err(malformed()),
        };
        let mut cursor = Vec::with_capacity(rooms.len());
        for (room, position) in rooms {
            let room = parse_id(room).map(RoomId).ok_or_else(malformed)?;
            cursor.push((room, read_position(position).ok_or_else(malformed)?));
        }
        Ok(Some(Self(cursor)))
    }
}

/// As far as either of them.
pub(super) fn later(one: Position, other: Position) -> Position {
    Position {
        seq: one.seq.max(other.seq),
        revision: one.revision.max(other.revision),
    }
}

/// As far as both of them.
pub(super) fn earlier(one: Position, other: Position) -> Position {
    Position {
        seq: one.seq.min(other.seq),
        revision: one.revision.min(other.revision),
    }
}

fn malformed() -> Error {
    Error::invalid(FIELD, Reason::Malformed)
}

fn read_position(value: &Value) -> Option<Position> {
    let [seq, revision] = value.as_array()?.as_slice() else {
        return None;
    };
    Some(Position {
        seq: Seq(read_count(seq)?),
        revision: Revision(read_count(revision)?),
    })
}

/// A count that JavaScript can hold, so that no sum of two overflows.
fn read_count(value: &Value) -> Option<i64> {
    value.as_i64().filter(|count| (0..1 << 53).contains(count))
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (room, Position { seq, revision }) in &self.0 {
            map.serialize_entry(&room.0, &[seq.0, revision.0])?;
        }
        map.end()
    }
}

impl ToSchema for Cursor {}

impl PartialSchema for Cursor {
    fn schema() -> RefOr<Schema> {
        let room = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[1-9][0-9]{0,15}$"))
            .build();
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(
                "Where a client stands: for each room, by its id, the seq of the last message \
                 and the revision of the last change that it knows. It may name 256 rooms; what \
                 was missed in further ones is asked for with `resume`.",
            ))
            .property_names(Some(room))
            .max_properties(Some(256))
            .additional_properties(Some(position()))
            .examples([serde_json::json!({"12": [340, 17]})])
            .into()
    }
}

fn position() -> ArrayBuilder {
    let count: Object = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(0))
        .build();
    ArrayBuilder::new()
        .items(count)
        .min_items(Some(2))
        .max_items(Some(2))
        .description(Some("`[seq, revision]`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(room: i64, seq: i64, revision: i64) -> (RoomId, Position) {
        let position = Position {
            seq: Seq(seq),
            revision: Revision(revision),
        };
        (RoomId(room), position)
    }

    #[test]
    fn cursors_come_back_as_they_went() {
        let cursor = Cursor(vec![at(7, 3, 1), at(12, 340, 17)]);
        let value = serde_json::to_value(&cursor).expect("a cursor is JSON");
        assert_eq!(value, json!({"7": [3, 1], "12": [340, 17]}));
        assert_eq!(Cursor::read(&value).ok(), Some(Some(cursor)));
        let empty = Cursor::default();
        assert_eq!(Cursor::read(&json!({})).ok(), Some(Some(empty)));
        assert_eq!(Cursor::read(&Value::Null).ok(), Some(None));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for odd in [
            json!([]),
            json!("1"),
            json!({"1": 5}),
            json!({"1": [5]}),
            json!({"1": [5, 6, 7]}),
            json!({"1": [-1, 0]}),
            json!({"1": [0, 1.5]}),
            json!({"1": ["1", "2"]}),
            json!({"1": [1i64 << 53, 0]}),
            json!({"a": [1, 2]}),
            json!({"01": [1, 2]}),
        ] {
            let error = Cursor::read(&odd).expect_err("it is no cursor");
            assert_eq!(error.to_string(), "cursor: has the wrong form", "{odd}");
        }
    }
}
