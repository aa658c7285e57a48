//! Statements stay within what MySQL 8, MariaDB, PostgreSQL and SQLite all
//! take: no test runs on MySQL itself, so this one reads them.

use std::path::Path;

use crate::{MIGRATIONS, crate_folder, migration, sqlite};

/// Words that some of the databases do not know, or take otherwise.
const REFUSED: &[(&str, &str)] = &[
    ("RETURNING", "MySQL has none: ids are made by the program"),
    ("ON CONFLICT", "MySQL has none"),
    ("ON DUPLICATE", "only MySQL has it"),
    ("INSERT OR ", "only SQLite has it"),
    ("REPLACE INTO", "PostgreSQL has none"),
    ("ILIKE", "only PostgreSQL has it"),
    ("IFNULL", "PostgreSQL has none: COALESCE"),
    (" IS NOT DISTINCT", "MySQL has none"),
    (" FULL JOIN", "MySQL has none"),
    (" FULL OUTER", "MySQL has none"),
    (" INTERSECT ", "MySQL 8.0.31 and newer only"),
    (" EXCEPT ", "MySQL 8.0.31 and newer only"),
    ("NULLS FIRST", "MySQL has none"),
    ("NULLS LAST", "MySQL has none"),
    (" FILTER (", "MySQL has none"),
    ("LIMIT ?, ?", "PostgreSQL has none: OFFSET"),
    ("||", "an OR in MySQL"),
    ("::", "only PostgreSQL has it"),
    ("\\\"", "a text in MySQL, a name elsewhere"),
    (" GLOB ", "only SQLite has it"),
    ("UPDATE FROM", "MySQL has none"),
];

/// What MariaDB takes and MySQL 8 does not. No text of ours may say it, not even
/// one that is for these two only.
const ONLY_MARIADB: &[&str] = &[
    "RETURNING",
    "CREATE SEQUENCE",
    "NEXTVAL",
    "NEXT VALUE FOR",
    "CREATE OR REPLACE TABLE",
    "INDEX IF NOT EXISTS",
    "COLUMN IF NOT EXISTS",
    "COLUMN IF EXISTS",
    "INDEX IF EXISTS",
    "FETCH FIRST",
    "FETCH NEXT",
    "ROWS EXAMINED",
    "SET STATEMENT ",
    "EXECUTE IMMEDIATE",
    "SYSTEM VERSIONING",
    "FOR SYSTEM_TIME",
    "WAIT 0",
    " INET6",
    " UUID NOT NULL",
    "ROWNUM",
    "NVL(",
    "JSON_QUERY",
    "JSON_DETAILED",
    "DELETE HISTORY",
];

/// Words that MySQL 8 keeps for itself and MariaDB does not: they can name no
/// table and no column.
const RESERVED: &[&str] = &[
    "cube",
    "cume_dist",
    "dense_rank",
    "empty",
    "except",
    "first_value",
    "function",
    "grouping",
    "groups",
    "intersect",
    "json_table",
    "lag",
    "last_value",
    "lateral",
    "lead",
    "manual",
    "nth_value",
    "ntile",
    "of",
    "parallel",
    "percent_rank",
    "qualify",
    "rank",
    "row_number",
    "system",
    "tablesample",
    "window",
];

/// What knows which database it is.
const SEAM: &[&str] = &["sql.rs", "server.rs", "open.rs", "migrate.rs", "sql/"];

fn sources(folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = std::fs::read_to_string(&path).expect("UTF-8");
            let name = path.strip_prefix(crate_folder().join("src"));
            let name = name.expect("below src").to_string_lossy().into_owned();
            into.push((name, text));
        }
    }
}

/// The texts in quotes that begin like a statement, each until its end.
fn statements(source: &str) -> Vec<String> {
    const BEGINNINGS: &[&str] = &[
        "SELECT ", "INSERT ", "UPDATE ", "DELETE ", " FROM ", " WHERE ", ", ",
    ];
    let source = source.replace("\\\"", "\u{1}");
    source
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|text| BEGINNINGS.iter().any(|begins| text.starts_with(begins)))
        .map(|text| text.replace('\u{1}', "\\\""))
        .collect()
}

#[test]
fn no_text_says_what_only_mariadb_takes() {
    let mut files = Vec::new();
    sources(&crate_folder().join("src"), &mut files);
    for file in MIGRATIONS {
        let text = std::fs::read_to_string(migration("mysql", file)).expect("UTF-8");
        // As if it were one text in quotes.
        files.push((format!("mysql/{file}"), format!("\"{text}\"")));
    }
    let mut seen = 0;
    for (name, source) in files {
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        for text in code.split('"').skip(1).step_by(2) {
            seen += 1;
            for word in ONLY_MARIADB {
                let found = text.to_uppercase().contains(word);
                assert!(!found, "{name}: {word} in: {text}");
            }
        }
    }
    assert!(seen > 200, "only {seen} texts were found");
}

#[test]
fn no_table_and_no_column_is_called_by_a_word_of_mysqls() {
    for file in MIGRATIONS {
        for table in sqlite(file).tables() {
            let columns = table.columns.iter().map(|column| &column.name);
            for name in columns.chain([&table.name]) {
                assert!(!RESERVED.contains(&&**name), "{}.{name}", table.name);
            }
        }
    }
}

#[test]
fn statements_are_such_that_every_database_takes_them() {
    let mut files = Vec::new();
    sources(&crate_folder().join("src"), &mut files);
    let mut seen = 0;
    for (name, source) in files {
        if SEAM.iter().any(|seam| name.starts_with(seam)) {
            continue;
        }
        for statement in statements(&source) {
            seen += 1;
            for (word, why) in REFUSED {
                let found = statement.to_uppercase().contains(word);
                assert!(!found, "{name}: {word} ({why}) in: {statement}");
            }
        }
    }
    assert!(seen > 100, "only {seen} statements were found");
}
