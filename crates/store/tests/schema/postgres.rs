//! The schema as PostgreSQL takes it.

use std::fmt::Write;

use crate::parse::{Column, Kind, Schema, Statement, Table};

const HEAD: &str = "\
-- The first schema, for PostgreSQL. Written by `tests/schema/` from that for
-- SQLite, which says what each table is for: change that one.
--
-- Texts are compared by their bytes, as SQLite does. References are not
-- enforced: see there.
";

pub(crate) fn write(schema: &Schema) -> String {
    let mut text = HEAD.to_owned();
    for statement in &schema.statements {
        match statement {
            Statement::Table(table) => write_table(&mut text, table),
            Statement::Insert(insert) => {
                let _ = write!(text, "\n{insert};\n");
            }
        }
    }
    text
}

fn write_table(text: &mut String, table: &Table) {
    let columns = table.columns.iter().map(column);
    let key = format!("    PRIMARY KEY ({})", table.primary_key.join(", "));
    let lines: Vec<_> = columns.chain([key]).collect();
    let _ = write!(
        text,
        "\nCREATE TABLE {} (\n{}\n);\n",
        table.name,
        lines.join(",\n")
    );
    for index in &table.indexes {
        let unique = if index.unique { "UNIQUE " } else { "" };
        let only = index.only.as_ref().map(|only| format!(" WHERE {only}"));
        let _ = writeln!(
            text,
            "CREATE {unique}INDEX {} ON {} ({}){};",
            index.name,
            table.name,
            index.columns.join(", "),
            only.unwrap_or_default()
        );
    }
}

fn column(column: &Column) -> String {
    let kind = match column.kind {
        Kind::Integer => "BIGINT",
        Kind::Text => "TEXT COLLATE \"C\"",
        Kind::Bytes => "BYTEA",
    };
    let required = if column.required { " NOT NULL" } else { "" };
    let default = column
        .default
        .as_ref()
        .map(|value| format!(" DEFAULT {value}"));
    let default = default.unwrap_or_default();
    let unique = if column.unique { " UNIQUE" } else { "" };
    format!("    {} {kind}{required}{default}{unique}", column.name)
}
