//! What a driver's error means.

use super::{Error, ErrorKind};

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let kind = match error.as_database_error() {
            Some(said) => match said.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
                Some(said) => of_postgres(said.code()),
                None => said
                    .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
                    .map_or(ErrorKind::Statement, |said| of_mysql(said.number())),
            },
            None => match error {
                sqlx::Error::Encode(_) | sqlx::Error::Configuration(_) => ErrorKind::Statement,
                _ => ErrorKind::Away,
            },
        };
        Self::new(kind, error)
    }
}

impl Error {
    /// Whether another process holds SQLite's lock on the file.
    pub(crate) fn is_locked(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        let source = self.source.downcast_ref::<rusqlite::Error>();
        let code = source.and_then(rusqlite::Error::sqlite_error_code);
        code.is_some_and(|code| matches!(code, DatabaseBusy | DatabaseLocked))
    }

    /// Whether the server answers, but has no database of that name.
    pub(crate) fn is_no_such_database(&self) -> bool {
        // PostgreSQL's and MySQL's SQLSTATE.
        self.said(|code| code == "3D000" || code == "42000", |_| false)
    }

    /// Whether the server's disk has no room for more rows.
    pub(crate) fn is_full(&self) -> bool {
        self.said(
            |code| code == "53100",
            |number| matches!(number, 1021 | 1114),
        )
    }

    /// Whether the server answers, but with no certificate that may be trusted,
    /// or without one.
    pub(crate) fn is_untrusted(&self) -> bool {
        match self.source.downcast_ref::<sqlx::Error>() {
            Some(sqlx::Error::Tls(_)) => true,
            Some(sqlx::Error::Io(error)) => error.kind() == std::io::ErrorKind::InvalidData,
            _ => false,
        }
    }

    /// Whether a server has said so, by SQLSTATE or by MySQL's number.
    fn said(&self, state: impl Fn(&str) -> bool, number: impl Fn(u16) -> bool) -> bool {
        let source = self.source.downcast_ref::<sqlx::Error>();
        let Some(said) = source.and_then(sqlx::Error::as_database_error) else {
            return false;
        };
        let of_mysql = said.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>();
        said.code().is_some_and(|code| state(&code))
            || of_mysql.is_some_and(|said| number(said.number()))
    }
}

/// By SQLSTATE (PostgreSQL, appendix A).
fn of_postgres(code: &str) -> ErrorKind {
    match code {
        // Serialization failure, deadlock, lock not available, unique violation.
        "40001" | "40P01" | "55P03" | "23505" => ErrorKind::Collision,
        // Query cancelled (its time was over), read only (a standby), data or
        // index corrupted.
        "57014" | "25006" | "25P03" => ErrorKind::Away,
        "XX001" | "XX002" => ErrorKind::Damaged,
        // Connection, resources (a full disk, too many connections), operator
        // (shutting down, starting up), system. No state at all is no server's word.
        code => match code.get(..2) {
            Some("08" | "53" | "57" | "58") | None => ErrorKind::Away,
            Some(_) => ErrorKind::Statement,
        },
    }
}

/// By error number (MySQL's and MariaDB's manual, "Server error codes").
fn of_mysql(number: u16) -> ErrorKind {
    match number {
        // Deadlock, lock wait timeout, duplicate key, record has changed.
        1213 | 1205 | 1062 | 1020 => ErrorKind::Collision,
        // Disk full, too many connections, out of memory or resources, shutting
        // down, table full, read only, killed, aborted, statement's time over.
        1021
        | 1037
        | 1038
        | 1040
        | 1041
        | 1053
        | 1077..=1079
        | 1114
        | 1203
        | 1223
        | 1290
        | 1317
        | 1792
        | 1836
        | 1927
        | 1969
        | 3024 => ErrorKind::Away,
        _ => ErrorKind::Statement,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_whether_to_run_again_or_to_wait() {
        for code in ["40001", "40P01", "23505", "55P03"] {
            assert_eq!(of_postgres(code), ErrorKind::Collision, "{code}");
        }
        for code in ["57P01", "57P03", "53100", "53300", "08006", "25006"] {
            assert_eq!(of_postgres(code), ErrorKind::Away, "{code}");
        }
        for odd in ["", "8", "a\u{20ac}xx"] {
            assert_eq!(of_postgres(odd), ErrorKind::Away, "{odd}");
        }
        assert_eq!(of_postgres("42601"), ErrorKind::Statement);
        assert_eq!(of_mysql(1213), ErrorKind::Collision);
        assert_eq!(of_mysql(1053), ErrorKind::Away);
        assert_eq!(of_mysql(1064), ErrorKind::Statement);
    }
}
