//! The schema as MySQL and MariaDB take it. Each statement can be run again
//! after it was done, since it cannot be undone with the others.

use std::fmt::Write;

use crate::parse::{Column, Kind, Schema, Statement, Table};

const HEAD: &str = "\
-- The first schema, for MySQL and MariaDB. Written by `tests/schema/` from that
-- for SQLite, which says what each table is for: change that one.
--
-- Texts are compared by their characters, spaces at the end included, as SQLite
-- does; MySQL and MariaDB call that differently. References are not enforced:
-- see there. Each statement can be run again.
";

/// The time in microseconds since 1970.
const NOW: &str = "(CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED))";

pub(crate) fn write(schema: &Schema) -> String {
    let mut text = HEAD.to_owned();
    for statement in &schema.statements {
        match statement {
            Statement::Table(table) => write_table(&mut text, table),
            Statement::Insert(insert) => {
                let again = insert.replacen("INSERT INTO", "INSERT IGNORE INTO", 1);
                let _ = write!(text, "\n{again};\n");
            }
        }
    }
    text
}

fn write_table(text: &mut String, table: &Table) {
    let columns = table.columns.iter().map(|it| column(table, it));
    let key = format!("    PRIMARY KEY ({})", table.primary_key.join(", "));
    let indexes = table.indexes.iter().map(|index| {
        // A unique index takes any number of NULLs: what another database
        // leaves out of an index may be in it here.
        let unique = if index.unique { "UNIQUE " } else { "" };
        format!(
            "    {unique}INDEX {} ({})",
            index.name,
            index.columns.join(", ")
        )
    });
    let lines: Vec<_> = columns.chain([key]).chain(indexes).collect();
    let _ = write!(
        text,
        "\nCREATE TABLE IF NOT EXISTS {} (\n{}\n) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {{collation}};\n",
        table.name,
        lines.join(",\n")
    );
}

fn column(table: &Table, column: &Column) -> String {
    let kind = match (column.kind, table.is_indexed(column)) {
        (Kind::Integer, _) => "BIGINT",
        // An entry of an index has 3,072 bytes at most.
        (Kind::Text, true) => "VARCHAR(512)",
        (Kind::Text, false) => "MEDIUMTEXT",
        (Kind::Bytes, true) => "VARBINARY(255)",
        (Kind::Bytes, false) => "MEDIUMBLOB",
    };
    let required = if column.required { " NOT NULL" } else { "" };
    let default = match column.numbered {
        true => " AUTO_INCREMENT".to_owned(),
        false => column.default_with(NOW),
    };
    let unique = if column.unique { " UNIQUE" } else { "" };
    format!("    {} {kind}{required}{default}{unique}", column.name)
}
