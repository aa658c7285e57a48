//! The schema of each database. That of SQLite is written by hand; those of the
//! servers and the page about them follow from it. A file that does not is
//! written anew, and the test fails once.

mod mysql;
mod page;
mod parse;
mod portable;
mod postgres;

use std::path::{Path, PathBuf};

use parse::Schema;

/// The migrations, by the names of their files.
const MIGRATIONS: &[&str] = &["0001_start.sql"];

/// What only one database has, written by hand: a part of the migration with the
/// same number, or a migration of its own.
const ONLY_ONE_HAS: &[(&str, &[&str])] = &[
    ("postgres_only", &["0001_outbox.sql"]),
    ("sqlite_only", &["0002_places.sql"]),
];

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn migration(database: &str, file: &str) -> PathBuf {
    crate_folder().join("migrations").join(database).join(file)
}

fn sqlite(file: &str) -> Schema {
    let text = std::fs::read_to_string(migration("sqlite", file)).expect("the migration is there");
    Schema::parse(&text)
}

/// Compares a file with what it should say, and mends it.
fn follows(path: &Path, wanted: &str) -> bool {
    let found = std::fs::read_to_string(path).unwrap_or_default();
    if found == wanted {
        return true;
    }
    std::fs::write(path, wanted).expect("the file can be written");
    false
}

#[test]
fn the_schemas_of_servers_follow_that_of_sqlite() {
    let mut stale = Vec::new();
    for file in MIGRATIONS {
        let schema = sqlite(file);
        for (database, text) in [
            ("postgres", postgres::write(&schema)),
            ("mysql", mysql::write(&schema)),
        ] {
            let path = migration(database, file);
            if !follows(&path, &text) {
                stale.push(format!("{database}/{file}"));
            }
        }
    }
    assert!(stale.is_empty(), "written anew, commit them: {stale:?}");
}

#[test]
fn the_page_about_the_schema_follows_the_migrations() {
    let schemas: Vec<_> = MIGRATIONS.iter().map(|file| sqlite(file)).collect();
    let path = crate_folder().join("../../docs/reference/schema.md");
    assert!(
        follows(&path, &page::write(&schemas)),
        "docs/reference/schema.md was written anew: commit it"
    );
}

#[test]
fn every_migration_is_written_down_here() {
    let everywhere = ["sqlite", "postgres", "mysql"].map(|database| (database, MIGRATIONS));
    for (database, known) in everywhere.iter().chain(ONLY_ONE_HAS) {
        let folder = crate_folder().join("migrations").join(database);
        let mut found: Vec<_> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("UTF-8")
            })
            .collect();
        found.sort();
        assert_eq!(&found, known, "{database}");
        let steps = std::fs::read_to_string(crate_folder().join("src/migrate.rs"));
        let steps = steps.expect("the steps are there");
        for file in found {
            let path = format!("../migrations/{database}/{file}");
            assert!(steps.contains(&path), "{path} is no part of any step");
        }
    }
}
