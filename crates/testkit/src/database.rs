//! On which database the servers of tests run: on SQLite, or on the server that
//! `TEST_DATABASE_URL` names, where each data folder has a database of its own.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

const VARIABLE: &str = "TERTULIA_DATABASE_URL";

/// The database of a data folder, where it is not the folder's own and the test
/// has not named another. A server that is started over the folder again gets
/// the same.
pub(crate) fn variable_for(
    data_dir: &Path,
    variables: &[(String, String)],
) -> Option<(String, String)> {
    if variables.iter().any(|(name, _)| name == VARIABLE) {
        return None;
    }
    let server = server()?;
    let mut hasher = DefaultHasher::new();
    (std::process::id(), data_dir).hash(&mut hasher);
    let name = format!("t{:016x}", hasher.finish());
    Some((VARIABLE.to_owned(), url(&server, &name)))
}

/// Whether the servers of tests have their data in SQLite.
#[must_use]
pub fn is_sqlite() -> bool {
    server().is_none()
}

/// Whether they have it in PostgreSQL.
pub(crate) fn is_postgres() -> bool {
    server().is_some_and(|server| server.starts_with("postgres"))
}

fn server() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "how the test command says it")]
    std::env::var("TEST_DATABASE_URL").ok()
}

/// A database of this name on MySQL and MariaDB, a schema on PostgreSQL, where
/// that is much cheaper. The program makes either when it is not there.
fn url(server: &str, name: &str) -> String {
    match server.rsplit_once('/') {
        Some((server, _)) if server.starts_with("mysql:") => format!("{server}/{name}"),
        _ => format!("{server}?schema={name}"),
    }
}
