//! Room in SQLite's write-ahead log before it is needed.
//!
//! A log that grows costs twice at every flush: the file system has to note the
//! new length in a journal of its own. One that is written over does not. SQLite
//! writes over its log once that has reached its usual length, and forgets it
//! when the database is closed. So each start gives it that length, in zeros,
//! which no frame is (<https://sqlite.org/fileformat2.html> §4.1).

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::sql;

/// After so many pages in the log, they are put into the database, and the log
/// begins anew.
pub(crate) const PAGES: u64 = 4_000;

/// What one commit may add before that is noticed: a usual one, not the greatest.
const PAGES_OF_A_COMMIT: u64 = 96;

/// The log's own head, and that of each page in it, in bytes.
const HEAD: u64 = 32;
const PAGE_HEAD: u64 = 24;

/// Where SQLite keeps the log of a database.
pub(crate) fn path_of(database: &Path) -> PathBuf {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// Gives the log its usual length, if it is shorter and the disk has room.
///
/// # Errors
/// When the database cannot be had for writing. A disk that is full or fails is
/// none: the log is then as it was.
pub(crate) fn make_room(connection: &rusqlite::Connection, database: &Path) -> sql::Result<()> {
    let page: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let usual = HEAD + (PAGES + PAGES_OF_A_COMMIT) * (PAGE_HEAD + u64::from(page));
    // Nobody else adds to the log meanwhile.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    if let Err(error) = lengthen(&path_of(database), usual) {
        tracing::debug!(%error, "the write-ahead log gets no room in advance");
    }
    connection.execute_batch("ROLLBACK")?;
    Ok(())
}

fn lengthen(log: &Path, usual: u64) -> io::Result<()> {
    let mut log = OpenOptions::new().write(true).open(log)?;
    let length = log.seek(SeekFrom::End(0))?;
    let written = write_zeros(&mut log, usual.saturating_sub(length));
    if written.is_err() {
        log.set_len(length)?;
    }
    written
}

fn write_zeros(log: &mut File, count: u64) -> io::Result<()> {
    if count == 0 {
        return Ok(());
    }
    let mut buffered = BufWriter::with_capacity(1 << 16, &mut *log);
    io::copy(&mut io::repeat(0).take(count), &mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    log.sync_all()
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::*;

    const USUAL: u64 = HEAD + (PAGES + PAGES_OF_A_COMMIT) * (PAGE_HEAD + 4_096);

    /// A database with one table, in which nothing is.
    fn fresh() -> (TempDir, PathBuf, Connection) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("chat.db");
        let connection = open(&path);
        let sql = "PRAGMA journal_mode = WAL; CREATE TABLE t (a INTEGER PRIMARY KEY)";
        connection.execute_batch(sql).expect("it is made");
        (folder, path, connection)
    }

    fn open(path: &Path) -> Connection {
        let connection = Connection::open(path).expect("it opens");
        connection
            .busy_timeout(std::time::Duration::ZERO)
            .expect("a number");
        connection
    }

    fn insert(connection: &Connection, count: u64) {
        for _ in 0..count {
            let inserted = connection.execute("INSERT INTO t DEFAULT VALUES", []);
            inserted.expect("it is stored");
        }
    }

    fn count(connection: &Connection) -> i64 {
        let count = connection.query_row("SELECT COUNT(*) FROM t", [], |row| row.get(0));
        count.expect("it is read")
    }

    fn length(path: &Path) -> u64 {
        let log = path_of(path).metadata().expect("there is a log");
        log.len()
    }

    #[test]
    fn a_log_gets_its_usual_length_and_grows_no_more() {
        let (_folder, path, connection) = fresh();
        insert(&connection, 3);
        assert!(length(&path) < USUAL);
        make_room(&connection, &path).expect("there is room");
        assert_eq!(length(&path), USUAL);
        make_room(&connection, &path).expect("there is nothing to do");
        let pages = format!("PRAGMA wal_autocheckpoint = {PAGES}");
        connection.execute_batch(&pages).expect("it is set");
        connection
            .execute_batch("PRAGMA synchronous = OFF")
            .expect("it is set");
        insert(&connection, 2 * PAGES);
        assert_eq!(length(&path), USUAL);
        assert_eq!(count(&connection), 3 + 2 * 4_000);
    }

    #[test]
    fn what_is_in_the_log_is_found_again_before_the_zeros() {
        let (folder, path, connection) = fresh();
        make_room(&connection, &path).expect("there is room");
        insert(&connection, 3);
        // As a process leaves it that is killed.
        let left = folder.path().join("left.db");
        std::fs::copy(&path, &left).expect("copied");
        std::fs::copy(path_of(&path), path_of(&left)).expect("copied");
        let found = open(&left);
        assert_eq!(count(&found), 3);
        make_room(&found, &left).expect("there is nothing to do");
        insert(&found, 1);
        assert_eq!(count(&found), 4);
    }

    #[test]
    fn whoever_adds_to_the_log_is_not_disturbed() {
        let (_folder, path, connection) = fresh();
        connection
            .execute_batch("BEGIN IMMEDIATE")
            .expect("nobody writes");
        let before = length(&path);
        assert!(make_room(&open(&path), &path).is_err());
        assert_eq!(length(&path), before);
    }

    #[test]
    fn a_disk_without_room_leaves_the_log_as_it_was() {
        let full = Path::new("/dev/full");
        if full.exists() {
            assert!(lengthen(full, USUAL).is_err());
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let missing = folder.path().join("missing");
        assert!(lengthen(&missing, USUAL).is_err());
        assert!(!missing.exists());
    }
}
