//! A driver's connection to a server, with parameters and rows as this crate
//! knows them.

use std::borrow::Cow;

use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::mysql::{MySqlArguments, MySqlRow, MySqlTypeInfo};
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgRow, PgTypeInfo};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Decode, MySql, MySqlConnection, PgConnection, Postgres, Row,
    Type, TypeInfo, ValueRef,
};

use super::address::Server;
use super::{Error, Result, places};
use crate::value::Value;

/// A driver's result.
type Driven<T> = std::result::Result<T, sqlx::Error>;

/// An open connection.
pub(crate) enum Wire {
    Postgres(Box<PgConnection>),
    MySql(Box<MySqlConnection>),
}

/// All rows of a query.
pub(crate) enum Rows {
    Postgres(Vec<PgRow>),
    MySql(Vec<MySqlRow>),
}

/// One of them.
#[derive(Clone, Copy)]
pub(crate) enum ServerRow<'r> {
    Postgres(&'r PgRow),
    MySql(&'r MySqlRow),
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Postgres(rows) => rows.len(),
            Self::MySql(rows) => rows.len(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = ServerRow<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    pub(crate) fn get(&self, index: usize) -> Option<ServerRow<'_>> {
        match self {
            Self::Postgres(rows) => rows.get(index).map(ServerRow::Postgres),
            Self::MySql(rows) => rows.get(index).map(ServerRow::MySql),
        }
    }
}

impl<'r> ServerRow<'r> {
    pub(crate) fn value(self, column: usize) -> Result<Value<'r>> {
        match self {
            Self::Postgres(row) => postgres_value(row, column),
            Self::MySql(row) => mysql_value(row, column),
        }
    }
}

impl Wire {
    pub(crate) async fn connect(server: &Server) -> Driven<Self> {
        Ok(match server {
            Server::Postgres(options) => Self::Postgres(Box::new(options.connect().await?)),
            Server::MySql(options) => Self::MySql(Box::new(options.connect().await?)),
        })
    }

    /// Runs statements that have no parameters, in one turn; rows are dropped.
    pub(crate) async fn run(&mut self, sql: &str) -> Driven<()> {
        let script = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Self::Postgres(wire) => script.execute(&mut **wire).await.map(|_| ()),
            Self::MySql(wire) => script.execute(&mut **wire).await.map(|_| ()),
        }
    }

    /// Runs a statement that gives no rows; answers how many it found.
    pub(crate) async fn execute(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        keep: bool,
    ) -> Driven<u64> {
        match self {
            Self::Postgres(wire) => {
                let query = sqlx::query_with(AssertSqlSafe(numbered(sql)), for_postgres(params)?);
                let done = query.persistent(keep).execute(&mut **wire).await?;
                Ok(done.rows_affected())
            }
            Self::MySql(wire) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), for_mysql(params)?);
                let done = query.persistent(keep).execute(&mut **wire).await?;
                Ok(done.rows_affected())
            }
        }
    }

    pub(crate) async fn fetch(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        keep: bool,
    ) -> Driven<Rows> {
        let sql = places::on_servers(sql);
        match self {
            Self::Postgres(wire) => {
                let query = sqlx::query_with(AssertSqlSafe(numbered(&sql)), for_postgres(params)?);
                let rows = query.persistent(keep).fetch_all(&mut **wire).await?;
                Ok(Rows::Postgres(rows))
            }
            Self::MySql(wire) => {
                let query = sqlx::query_with(AssertSqlSafe(&*sql), for_mysql(params)?);
                let rows = query.persistent(keep).fetch_all(&mut **wire).await?;
                Ok(Rows::MySql(rows))
            }
        }
    }
}

/// PostgreSQL numbers its placeholders. A `?` within quotes is none.
fn numbered(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 32);
    let mut quoted = false;
    let mut number = 0;
    for part in sql.split_inclusive(['?', '\'']) {
        match part.strip_suffix('?') {
            Some(before) if !quoted => {
                number += 1;
                text.push_str(before);
                text.push('$');
                text.push_str(&number.to_string());
            }
            _ => {
                quoted ^= part.ends_with('\'');
                text.push_str(part);
            }
        }
    }
    text
}

/// PostgreSQL's texts hold every character but U+0000. It is written as this
/// one, which next to no text has, and a `0`; this one itself with a `1`.
const ESCAPE: char = '\u{1a}';

fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return text.into();
    }
    let text = text.replace(ESCAPE, "\u{1a}1");
    text.replace('\0', "\u{1a}0").into()
}

/// The text that was stored so; none when it is the text itself.
pub(super) fn unescaped(text: &str) -> Option<String> {
    if !text.contains(ESCAPE) {
        return None;
    }
    let text = text.replace("\u{1a}0", "\0");
    Some(text.replace("\u{1a}1", "\u{1a}"))
}

fn for_postgres(params: &[Value<'_>]) -> Driven<PgArguments> {
    let mut arguments = PgArguments::default();
    for value in params {
        sqlx::Arguments::add(&mut arguments, Parameter(*value)).map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn for_mysql(params: &[Value<'_>]) -> Driven<MySqlArguments> {
    let mut arguments = MySqlArguments::default();
    for value in params {
        sqlx::Arguments::add(&mut arguments, Parameter(*value)).map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// A value on its way to a server.
struct Parameter<'v>(Value<'v>);

impl Type<Postgres> for Parameter<'_> {
    /// The server decides by where the parameter stands: nothing has no type.
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Parameter<'_> {
    fn encode_by_ref(
        &self,
        buffer: &mut PgArgumentBuffer,
    ) -> std::result::Result<IsNull, BoxDynError> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Integer(number) => <i64 as Encode<Postgres>>::encode(number, buffer),
            Value::Text(text) => {
                <&str as Encode<Postgres>>::encode_by_ref(&&*escaped(text), buffer)
            }
            Value::Bytes(bytes) => <&[u8] as Encode<Postgres>>::encode(bytes, buffer),
        }
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        match self.0 {
            Value::Null => None,
            Value::Integer(_) => Some(<i64 as Type<Postgres>>::type_info()),
            Value::Text(_) => Some(<str as Type<Postgres>>::type_info()),
            Value::Bytes(_) => Some(<[u8] as Type<Postgres>>::type_info()),
        }
    }
}

impl Type<MySql> for Parameter<'_> {
    fn type_info() -> MySqlTypeInfo {
        <i64 as Type<MySql>>::type_info()
    }
}

impl Encode<'_, MySql> for Parameter<'_> {
    fn encode_by_ref(&self, buffer: &mut Vec<u8>) -> std::result::Result<IsNull, BoxDynError> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Integer(number) => <i64 as Encode<MySql>>::encode(number, buffer),
            Value::Text(text) => <&str as Encode<MySql>>::encode(text, buffer),
            Value::Bytes(bytes) => <&[u8] as Encode<MySql>>::encode(bytes, buffer),
        }
    }

    fn produces(&self) -> Option<MySqlTypeInfo> {
        match self.0 {
            Value::Null | Value::Integer(_) => None,
            Value::Text(_) => Some(<str as Type<MySql>>::type_info()),
            Value::Bytes(_) => Some(<[u8] as Type<MySql>>::type_info()),
        }
    }
}

fn postgres_value(row: &PgRow, index: usize) -> Result<Value<'_>> {
    let value = row.try_get_raw(index).map_err(Error::damaged)?;
    if value.is_null() {
        return Ok(Value::Null);
    }
    let kind = value.type_info().into_owned();
    match kind.name() {
        "INT8" => <i64 as Decode<Postgres>>::decode(value).map(Value::Integer),
        "INT4" => <i32 as Decode<Postgres>>::decode(value).map(|it| Value::Integer(it.into())),
        "BOOL" => <bool as Decode<Postgres>>::decode(value).map(|it| Value::Integer(it.into())),
        "TEXT" => <&str as Decode<Postgres>>::decode(value).map(Value::Text),
        // A sum of 64-bit numbers.
        "NUMERIC" => value
            .as_bytes()
            .and_then(|bytes| whole_number(bytes).ok_or_else(|| "no whole number".into()))
            .map(Value::Integer),
        "BYTEA" => <&[u8] as Decode<Postgres>>::decode(value).map(Value::Bytes),
        other => Err(format!("no column has the type {other}").into()),
    }
    .map_err(Error::damaged)
}

/// PostgreSQL's binary form of `numeric`: the number of digits to the base of
/// 10,000, the power of the first, the sign, a scale, and the digits.
fn whole_number(bytes: &[u8]) -> Option<i64> {
    let mut words = bytes
        .chunks_exact(2)
        .map(|word| i16::from_be_bytes([word[0], word[1]]));
    let (_, power, sign) = (words.next()?, words.next()?, words.next()?);
    let mut number = 0_i64;
    let mut digits = words.skip(1);
    for _ in 0..=power {
        let digit = digits.next().unwrap_or(0);
        number = number.checked_mul(10_000)?.checked_add(digit.into())?;
    }
    match sign {
        0 => Some(number),
        0x4000 => Some(-number),
        _ => None,
    }
}

fn mysql_value(row: &MySqlRow, index: usize) -> Result<Value<'_>> {
    let value = row.try_get_raw(index).map_err(Error::damaged)?;
    if value.is_null() {
        return Ok(Value::Null);
    }
    let kind = value.type_info().into_owned();
    if <i64 as Type<MySql>>::compatible(&kind) {
        <i64 as Decode<MySql>>::decode(value).map(Value::Integer)
    } else if <str as Type<MySql>>::compatible(&kind) {
        <&str as Decode<MySql>>::decode(value).map(Value::Text)
    } else if <[u8] as Type<MySql>>::compatible(&kind) {
        <&[u8] as Decode<MySql>>::decode(value).map(Value::Bytes)
    } else if kind.name() == "DECIMAL" {
        // A sum of 64-bit numbers, as a text.
        <&str as Decode<MySql>>::decode(value).and_then(|text| Ok(Value::Integer(text.parse()?)))
    } else {
        Err(format!("no column has the type {kind}").into())
    }
    .map_err(Error::damaged)
}

#[cfg(test)]
mod tests {
    use super::{escaped, numbered, unescaped, whole_number};

    #[test]
    fn sums_are_whole_numbers() {
        let numeric = |words: &[i16]| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            whole_number(&bytes)
        };
        assert_eq!(numeric(&[0, 0, 0, 0]), Some(0));
        assert_eq!(numeric(&[2, 1, 0, 0, 3, 4005]), Some(34_005));
        assert_eq!(numeric(&[1, 1, 0x4000, 0, 7]), Some(-70_000));
        assert_eq!(numeric(&[1, 9, 0, 0, 9]), None, "too large");
        assert_eq!(numeric(&[0, 0, -0x4000, 0]), None, "not a number");
    }

    #[test]
    fn every_text_comes_back() {
        for text in [
            "",
            "tea",
            "\0",
            "a\0\u{1a}b",
            "\u{1a}0",
            "\u{1a}1\0",
            "\u{1a}\u{1a}01",
        ] {
            let stored = escaped(text);
            assert!(!stored.contains('\0'));
            let read = unescaped(&stored).unwrap_or_else(|| stored.into_owned());
            assert_eq!(read, text);
        }
    }

    #[test]
    fn placeholders_are_numbered_but_not_within_quotes() {
        assert_eq!(
            numbered("SELECT '?', 'it''s ?' FROM a WHERE b = ? AND c IN (?, ?)"),
            "SELECT '?', 'it''s ?' FROM a WHERE b = $1 AND c IN ($2, $3)"
        );
        assert_eq!(numbered("SELECT 1"), "SELECT 1");
    }
}
