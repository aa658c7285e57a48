//! Values of a line: from a row's columns and back. What comes in was written by
//! anybody: nothing is taken on trust.

use serde_json::{Map, Value as Json};
use tertulia_domain::file::{BlobKey, FileType};
use uuid::Uuid;

use super::form::{Derived, Form, Kind};
use super::rows::{Kept, Row};
use super::tables::Table;
use crate::stored_json;
use crate::users::folded;

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is longer than a line may be.
    TooLong,
    /// It is no JSON object.
    NoObject,
    /// It is not the first line of an export.
    NoHeader,
    /// The export is of another version.
    OtherVersion,
    /// There is no such type of lines.
    UnknownType(String),
    /// Its type comes before one that stood already.
    OutOfOrder,
    /// Such lines have no field of this name.
    UnknownField(String),
    /// A field is missing.
    Missing(&'static str),
    /// A field holds what it may not hold.
    Wrong(&'static str),
    /// A field names something that stood on no earlier line.
    Unknown(&'static str),
    /// Something else has the same id, or the same key.
    Taken,
    /// The database does not take it: mostly a name, a UUID or a place in a
    /// room that something else has.
    Refused,
    /// The messages' UUIDs on the server are made with another key.
    OtherKey,
}

/// One more than the last id of a kind, by the place of the kind.
pub(crate) type NextIds = [i64; 5];

pub(crate) fn to_json(form: Form, value: &Kept) -> Option<Json> {
    Some(match (form, value) {
        (Form::Id(_) | Form::Whole, Kept::Integer(number)) => number.to_string().into(),
        (Form::Number, Kept::Integer(number)) => (*number).into(),
        (Form::Time, Kept::Integer(micros)) => time(*micros)?.into(),
        (Form::Uuid, Kept::Bytes(bytes)) => Uuid::from_slice(bytes).ok()?.to_string().into(),
        (Form::Flag, Kept::Integer(number)) => (*number != 0).into(),
        (Form::Word(words), Kept::Integer(number)) => {
            let (word, _) = words.iter().find(|(_, code)| code == number)?;
            (*word).into()
        }
        (Form::Object, Kept::Text(text)) => Json::Object(stored_json::object(text).ok()?),
        (Form::Text(_) | Form::BlobKey | Form::FileType, Kept::Text(text)) => text.as_str().into(),
        _ => return None,
    })
}

fn from_json(form: Form, value: &Json, next_ids: &NextIds) -> Option<Kept> {
    let text = value.as_str();
    Some(match form {
        Form::Id(kind) => {
            let id = plain_number(text?)?;
            let known = (1..next_ids[kind as usize]).contains(&id);
            (known || kind.promised().contains(&id)).then_some(Kept::Integer(id))?
        }
        Form::Number => {
            // Numbers of messages and changes go no further than ids do.
            const END: i64 = 1 << 53;
            let number = value.as_i64()?;
            (0..END)
                .contains(&number)
                .then_some(Kept::Integer(number))?
        }
        Form::Whole => Kept::Integer(text?.parse().ok()?),
        Form::Time => Kept::Integer(micros(text?)?),
        Form::Uuid => Kept::Bytes(Uuid::try_parse(text?).ok()?.as_bytes().to_vec()),
        Form::Text(most) => {
            let text = text?;
            let fits = text.len() <= most || text.chars().count() <= most;
            fits.then(|| Kept::Text(text.to_owned()))?
        }
        Form::Flag => Kept::Integer(i64::from(value.as_bool()?)),
        Form::Word(words) => {
            let text = text?;
            Kept::Integer(words.iter().find(|(word, _)| *word == text)?.1)
        }
        Form::Object => Kept::Text(value.is_object().then(|| value.to_string())?),
        Form::BlobKey => Kept::Text(BlobKey::parse(text?)?.as_str().to_owned()),
        Form::FileType => Kept::Text(FileType::of_mime(text?)?.mime().to_owned()),
    })
}

/// Digits without a sign or a leading zero.
pub(crate) fn plain_number(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

const NEVER: &str = "never";

fn time(micros: i64) -> Option<String> {
    if micros == i64::MAX {
        return Some(NEVER.to_owned());
    }
    let time = jiff::Timestamp::from_microsecond(micros).ok()?;
    Some(format!("{time:.6}"))
}

fn micros(text: &str) -> Option<i64> {
    if text == NEVER {
        return Some(i64::MAX);
    }
    Some(text.parse::<jiff::Timestamp>().ok()?.as_microsecond())
}

/// The row that a line stands for.
pub(crate) fn row(
    kind: &Kind,
    table: &Table,
    mut line: Map<String, Json>,
    next_ids: &NextIds,
) -> Result<Row, Problem> {
    let mut row = vec![Kept::Null; table.columns.len()];
    for field in kind.fields {
        row[table.place(field.column)] = match line.remove(field.name) {
            None | Some(Json::Null) if field.optional => Kept::Null,
            None => return Err(Problem::Missing(field.name)),
            Some(value) => {
                from_json(field.form, &value, next_ids).ok_or(Problem::Wrong(field.name))?
            }
        };
    }
    if let Some(name) = line.keys().next() {
        return Err(Problem::UnknownField(name.chars().take(64).collect()));
    }
    for derived in kind.derived {
        match derived {
            Derived::Zero(column) => row[table.place(column)] = Kept::Integer(0),
            Derived::Folded(column, from) => {
                if let Kept::Text(text) = &row[table.place(from)] {
                    row[table.place(column)] = Kept::Text(folded(text));
                }
            }
        }
    }
    for (low, high) in kind.rising {
        let numbers = (&row[table.place(low)], &row[table.place(high)]);
        if let (Kept::Integer(low_number), Kept::Integer(high_number)) = numbers
            && low_number > high_number
        {
            return Err(Problem::Wrong(name_of(kind, low)));
        }
    }
    Ok(row)
}

/// The field of a column.
pub(crate) fn name_of(kind: &Kind, column: &str) -> &'static str {
    let field = kind.fields.iter().find(|field| field.column == column);
    field.map_or("", |field| field.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_to_the_microsecond() {
        for number in [0, -1, 1, 1_768_003_200_123_456, i64::MAX] {
            let text = time(number).expect("a time");
            assert_eq!(micros(&text), Some(number), "{text}");
        }
        assert_eq!(time(1).as_deref(), Some("1970-01-01T00:00:00.000001Z"));
        for odd in ["", "yesterday", "2026-01-10", "1768003200"] {
            assert_eq!(micros(odd), None, "{odd}");
        }
    }

    #[test]
    fn ids_are_those_of_blocks_given_out_and_those_that_functions_promise() {
        use tertulia_domain::ports::IdKind;

        let known = |kind, id: i64| from_json(Form::Id(kind), &id.to_string().into(), &[10; 5]);
        for id in [1, 9, 1_000_000_000_000_001, (1 << 53) - 1] {
            assert_eq!(known(IdKind::Message, id), Some(Kept::Integer(id)));
        }
        for id in [0, 10, 1_000_000_000_000_000, 1 << 53] {
            assert_eq!(known(IdKind::Message, id), None, "{id}");
        }
        assert!(known(IdKind::Room, 2_000_000_001).is_some());
        assert_eq!(known(IdKind::User, 2_000_000_001), None);
    }

    #[test]
    fn numbers_are_digits_only() {
        assert_eq!(plain_number("17"), Some(17));
        for odd in ["", "+1", "01", "1.0", " 1", "99999999999999999999"] {
            assert_eq!(plain_number(odd), None, "{odd}");
        }
    }
}
