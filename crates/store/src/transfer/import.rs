//! Reading JSON Lines that [`export`](super::export()) has written, or anybody
//! else: line by line, each bounded, each checked.

use std::io::{self, BufRead, Read};

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::CopyError;
use super::export::VERSION;
use super::form::{KINDS, NEXT_IDS};
use super::line::{self, NextIds, Problem};
use super::sink::{Imported, Refusal, Sink};
use crate::ids;
use crate::open::Database;
use crate::stored_json;

/// The longest line, in bytes: more than the longest message takes with every
/// character escaped.
const LINE_BYTES: u64 = 1024 * 1024;

/// Why an import was not carried out. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The database cannot be used, or went away.
    #[error(transparent)]
    Database(#[from] CopyError),
    /// The lines could not be read.
    #[error("the import cannot be read")]
    Read(#[from] io::Error),
    /// A line is not as it should be.
    #[error("line {line}: {problem:?}")]
    Line {
        /// The number of the line, from 1.
        line: u64,
        /// What is wrong.
        problem: Problem,
    },
    /// A room's messages have a hole, or do not end where its position says.
    #[error("the messages of room {room} are not 1, 2, 3 up to its position")]
    Hole {
        /// The room's number.
        room: i64,
    },
}

impl From<Refusal> for ImportError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Line(line, problem) => Self::Line { line, problem },
            Refusal::Database(error) => Self::Database(error),
        }
    }
}

/// Takes in an export of everything: into an empty database, or into one that
/// holds the same, where what is there stays as it is. No server may run on it.
/// `tell` is told the number of lines now and then.
///
/// # Errors
/// [`ImportError`]; then the database is as it was, but for its tables, which
/// are made.
pub async fn import(
    lines: &mut (dyn BufRead + Send),
    to: &Database,
    tell: &mut (dyn FnMut(u64) + Send),
) -> Result<Imported, ImportError> {
    const TOLD: u64 = 10_000;
    let mut lines = Reader { lines, number: 0 };
    let first = lines.next()?.unwrap_or_default();
    let refused = |problem| ImportError::Line { line: 1, problem };
    let (key, next_ids) = header(first).map_err(refused)?;
    let mut sink = Sink::open(to).await?;
    if !sink.begin(&key, next_ids).await? {
        return Err(refused(Problem::OtherKey));
    }
    while let Some(object) = lines.next()? {
        let number = lines.number;
        let refused = |problem| Refusal::Line(number, problem);
        let (place, row) = row(&sink, object).map_err(refused)?;
        sink.put(place, number, row).await?;
        if number.is_multiple_of(TOLD) {
            tell(number);
        }
    }
    let finished = sink.finish().await?;
    finished.map_err(|room| ImportError::Hole { room })
}

struct Reader<'l> {
    lines: &'l mut (dyn BufRead + Send),
    /// Of the line that was read last.
    number: u64,
}

impl Reader<'_> {
    /// The next line's object; none after the last line.
    fn next(&mut self) -> Result<Option<Map<String, Json>>, ImportError> {
        let mut bytes = Vec::new();
        let mut bounded = Read::take(&mut *self.lines, LINE_BYTES + 1);
        let read = bounded.read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let problem = if read as u64 > LINE_BYTES {
            Problem::TooLong
        } else {
            let text = str::from_utf8(&bytes).ok();
            match text.and_then(|text| stored_json::object(text).ok()) {
                Some(object) => return Ok(Some(object)),
                None => Problem::NoObject,
            }
        };
        Err(ImportError::Line {
            line: self.number,
            problem,
        })
    }
}

/// What the first line says.
fn header(mut line: Map<String, Json>) -> Result<([u8; 16], NextIds), Problem> {
    if line.remove("type").as_ref().and_then(Json::as_str) != Some("tertulia") {
        return Err(Problem::NoHeader);
    }
    let version = line.remove("version").ok_or(Problem::Missing("version"))?;
    if version.as_i64() != Some(VERSION) {
        return Err(Problem::OtherVersion);
    }
    const KEY: &str = "message_uuid_key";
    let key = line.remove(KEY).ok_or(Problem::Missing(KEY))?;
    let key = key.as_str().and_then(|text| Uuid::try_parse(text).ok());
    let key = key.ok_or(Problem::Wrong(KEY))?.into_bytes();
    let given = line
        .remove("next_ids")
        .ok_or(Problem::Missing("next_ids"))?;
    let mut next_ids = [1; 5];
    for (word, kind) in NEXT_IDS {
        let next = given.get(word).and_then(Json::as_str);
        let next = next.and_then(line::plain_number);
        let next = next.filter(|next| (1..=ids::first_too_large(*kind)).contains(next));
        next_ids[*kind as usize] = next.ok_or(Problem::Wrong("next_ids"))?;
    }
    match line.keys().next() {
        Some(name) => Err(Problem::UnknownField(name.chars().take(64).collect())),
        None => Ok((key, next_ids)),
    }
}

/// The place of a line's type among [`KINDS`], and its row.
fn row(sink: &Sink, mut object: Map<String, Json>) -> Result<(usize, super::rows::Row), Problem> {
    let word = object.remove("type").ok_or(Problem::Missing("type"))?;
    let word = word.as_str().ok_or(Problem::Wrong("type"))?;
    let place = KINDS.iter().position(|kind| kind.word == word);
    let unknown = || Problem::UnknownType(word.chars().take(64).collect());
    let place = place.ok_or_else(unknown)?;
    let kind = &KINDS[place];
    if kind.table == "messages" {
        // It follows from the id, and is told for readers of the export.
        object.remove("uuid");
    }
    let row = line::row(kind, sink.table(kind), object, sink.next_ids())?;
    Ok((place, row))
}
