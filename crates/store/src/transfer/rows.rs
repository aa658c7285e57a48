//! Rows of any table: read page by page in the order of its key, written many at
//! once. A page starts where the one before ended, by the key, so that the last
//! one costs no more than the first.

use super::tables::Table;
use crate::sql::{Columns, Connection, Result};
use crate::value::{FromValue, Value};

/// Rows of a page. With messages as long as they may be, some 40 MiB.
pub(crate) const PAGE: usize = 256;

/// Bytes of rows that are written in one statement: a small part of what
/// servers take (`max_allowed_packet` of MariaDB: 16 MiB).
const STATEMENT_BYTES: usize = 1024 * 1024;

/// A value that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// The columns of a row, in the table's order.
pub(crate) type Row = Vec<Kept>;

impl Kept {
    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::Integer(*number),
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Null | Self::Integer(_) => 8,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}

impl FromValue for Kept {
    fn from_value(value: Value<'_>) -> Result<Self> {
        Ok(match value {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Integer(number),
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
        })
    }
}

/// A text that others wrote into a SQLite file may be no UTF-8; nothing else can
/// hold it so.
fn take(row: &mut Columns<'_>, is_text: bool) -> Result<Kept> {
    Ok(match row.take()? {
        Kept::Bytes(bytes) if is_text => Kept::Text(String::from_utf8_lossy(&bytes).into_owned()),
        value => value,
    })
}

/// The rows after the row `after`, at most [`PAGE`]; none at the table's end.
pub(crate) async fn page(
    connection: &mut Connection,
    table: &Table,
    after: Option<&Row>,
) -> Result<Vec<Row>> {
    let read = |row: &mut Columns<'_>| table.texts.iter().map(|text| take(row, *text)).collect();
    let Some(after) = after else {
        let sql = select(table, None);
        let limit = Value::from(PAGE);
        return connection.query(&sql, &[limit], read).await;
    };
    let mut rows = Vec::new();
    // First what shares all of the key but its last column, then all but its
    // last two, and so on: each is one stretch of the index, in every database.
    for equal in (0..table.key.len()).rev() {
        let mut place = String::new();
        let mut values = Vec::new();
        for &column in &table.key[..equal] {
            place.push_str(&format!("{} = ? AND ", table.columns[column]));
            values.push(after[column].value());
        }
        let last = table.key[equal];
        place.push_str(&format!("{} > ?", table.columns[last]));
        values.push(after[last].value());
        values.push(Value::from(PAGE - rows.len()));
        let sql = select(table, Some(&place));
        rows.append(&mut connection.query(&sql, &values, read).await?);
        if rows.len() == PAGE {
            break;
        }
    }
    Ok(rows)
}

fn select(table: &Table, place: Option<&str>) -> String {
    let conditions: Vec<_> = place.into_iter().chain(table.only).collect();
    let condition = match conditions.is_empty() {
        true => String::new(),
        false => format!("WHERE {} ", conditions.join(" AND ")),
    };
    let key = table.key.iter().map(|&column| &*table.columns[column]);
    let (columns, key) = (table.columns.join(", "), key.collect::<Vec<_>>().join(", "));
    let name = &table.name;
    format!("SELECT {columns} FROM {name} {condition}ORDER BY {key} LIMIT ?")
}

/// The row with the same primary key as this one.
pub(crate) async fn find(
    connection: &mut Connection,
    table: &Table,
    row: &Row,
) -> Result<Option<Row>> {
    let key = table.key.iter();
    let condition: Vec<_> = key
        .map(|&it| format!("{} = ?", table.columns[it]))
        .collect();
    let (name, columns) = (&table.name, table.columns.join(", "));
    let condition = condition.join(" AND ");
    let sql = format!("SELECT {columns} FROM {name} WHERE {condition}");
    let values: Vec<_> = table.key.iter().map(|&it| row[it].value()).collect();
    let read = |row: &mut Columns<'_>| table.texts.iter().map(|text| take(row, *text)).collect();
    connection.query_one(&sql, &values, read).await
}

/// Writes rows.
pub(crate) async fn insert(connection: &mut Connection, table: &Table, rows: &[Row]) -> Result<()> {
    let width = table.columns.len();
    let places = vec!["?"; width].join(", ");
    let (name, columns) = (&table.name, table.columns.join(", "));
    let sql = format!("INSERT INTO {name} ({columns}) VALUES ({places})");
    let mut rest = rows;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(that_fit(rest));
        let values: Vec<_> = now.iter().flatten().map(Kept::value).collect();
        connection.insert_rows(&sql, width, &values).await?;
        rest = later;
    }
    if table.name == "messages" {
        let place = ["room_id", "seq", "id"].map(|column| table.place(column));
        connection.keep_places(rows.iter().map(|row| place.map(|it| row[it].value())))?;
    }
    Ok(())
}

/// How many of the rows go into one statement; at least one.
fn that_fit(rows: &[Row]) -> usize {
    let mut bytes = 0;
    let fits = |row: &&Row| {
        bytes += row.iter().map(Kept::size).sum::<usize>();
        bytes <= STATEMENT_BYTES
    };
    rows.iter().take_while(fits).count().max(1)
}
