//! Reads the schema of SQLite, which is written in one form: a comment, a
//! statement, one column a line. Anything else is refused, so that nothing is
//! left out of the other databases unseen.

/// Statements in their order.
pub(crate) struct Schema {
    pub(crate) statements: Vec<Statement>,
}

pub(crate) enum Statement {
    Table(Table),
    Insert(String),
}

pub(crate) struct Table {
    pub(crate) name: String,
    /// What it is for, without the dashes.
    pub(crate) comment: Vec<String>,
    pub(crate) columns: Vec<Column>,
    pub(crate) primary_key: Vec<String>,
    pub(crate) indexes: Vec<Index>,
}

pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) unique: bool,
    /// Whether the database numbers rows that others insert.
    pub(crate) numbered: bool,
    /// The value in rows that name none.
    pub(crate) default: Option<String>,
    /// `table (column)`.
    pub(crate) refers_to: Option<String>,
}

/// The time in microseconds since 1970, as SQLite tells it.
pub(crate) const NOW: &str = "(CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Text,
    Bytes,
}

pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) unique: bool,
    pub(crate) columns: Vec<String>,
    /// The rows that it holds, where not all.
    pub(crate) only: Option<String>,
}

impl Schema {
    pub(crate) fn parse(text: &str) -> Self {
        let mut schema = Self {
            statements: Vec::new(),
        };
        let mut comment = Vec::new();
        let mut statement = String::new();
        for line in text.lines() {
            if let Some(words) = line.trim_start().strip_prefix("--") {
                comment.push(words.trim().to_owned());
                continue;
            }
            let line = line.split(" --").next().unwrap_or_default();
            if line.trim().is_empty() && statement.is_empty() {
                comment.clear();
                continue;
            }
            statement.push_str(line);
            statement.push('\n');
            if line.trim_end().ends_with(';') {
                schema.take(statement.trim().trim_end_matches(';'), &mut comment);
                statement.clear();
            }
        }
        assert!(statement.is_empty(), "a statement without end: {statement}");
        schema
    }

    fn take(&mut self, statement: &str, comment: &mut Vec<String>) {
        let comment = std::mem::take(comment);
        if statement.starts_with("CREATE TABLE ") {
            let table = Table::parse(statement, comment);
            self.statements.push(Statement::Table(table));
        } else if statement.starts_with("CREATE INDEX ")
            || statement.starts_with("CREATE UNIQUE INDEX ")
        {
            let (table, index) = Index::parse(statement);
            self.table(&table).indexes.push(index);
        } else if statement.starts_with("INSERT INTO ") {
            self.statements
                .push(Statement::Insert(statement.to_owned()));
        } else {
            assert!(statement.starts_with("PRAGMA "), "not known: {statement}");
        }
    }

    fn table(&mut self, name: &str) -> &mut Table {
        let tables = self.statements.iter_mut().filter_map(|it| match it {
            Statement::Table(table) => Some(table),
            Statement::Insert(_) => None,
        });
        let mut found = tables.filter(|table| table.name == name);
        found.next().expect("an index comes after its table")
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.statements.iter().filter_map(|it| match it {
            Statement::Table(table) => Some(table),
            Statement::Insert(_) => None,
        })
    }
}

impl Column {
    /// Its default, where the database tells the time like this.
    pub(crate) fn default_with(&self, now: &str) -> String {
        let value = self.default.as_deref();
        let value = value.map(|value| if value == NOW { now } else { value });
        value.map_or(String::new(), |value| format!(" DEFAULT {value}"))
    }
}

impl Table {
    fn parse(statement: &str, comment: Vec<String>) -> Self {
        let (head, rest) = statement.split_once('(').expect("columns");
        let (body, _) = rest.rsplit_once(')').expect("the end of the columns");
        let mut table = Self {
            name: head.trim_start_matches("CREATE TABLE ").trim().to_owned(),
            comment,
            columns: Vec::new(),
            primary_key: Vec::new(),
            indexes: Vec::new(),
        };
        for line in body.lines().map(str::trim).filter(|line| !line.is_empty()) {
            table.take(line.trim_end_matches(','));
        }
        assert!(!table.primary_key.is_empty(), "{}: no key", table.name);
        table
    }

    fn take(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("PRIMARY KEY ") {
            self.primary_key = names(rest);
            return;
        }
        if let Some(rest) = line.strip_prefix("UNIQUE ") {
            let columns = names(rest);
            self.indexes.push(Index {
                name: format!("{}_by_{}", self.name, columns.join("_and_")),
                unique: true,
                columns,
                only: None,
            });
            return;
        }
        let (line, refers_to) = match line.split_once(" REFERENCES ") {
            Some((line, to)) => (line, Some(to.trim().to_owned())),
            None => (line, None),
        };
        let mut words = line.split_whitespace();
        let name = words.next().expect("a column's name").to_owned();
        let kind = match words.next() {
            Some("INTEGER") => Kind::Integer,
            Some("TEXT") => Kind::Text,
            Some("BLOB") => Kind::Bytes,
            other => panic!("{}.{name}: not a type: {other:?}", self.name),
        };
        let rest = words.collect::<Vec<_>>().join(" ");
        let numbered = rest.ends_with(" AUTOINCREMENT");
        let rest = rest.replace(" AUTOINCREMENT", "");
        let (required, rest) = match rest.strip_prefix("NOT NULL") {
            Some(rest) => (true, rest.trim()),
            None => (false, rest.as_str()),
        };
        if rest == "PRIMARY KEY" {
            self.primary_key = vec![name.clone()];
        }
        let default = rest.strip_prefix("DEFAULT ").map(str::to_owned);
        assert!(
            default.is_some() || ["", "UNIQUE", "PRIMARY KEY"].contains(&rest),
            "{}.{name}: not known: {rest}",
            self.name
        );
        self.columns.push(Column {
            name,
            kind,
            required,
            unique: rest == "UNIQUE",
            numbered,
            default,
            refers_to,
        });
    }

    /// Whether a column is part of the key or of an index.
    pub(crate) fn is_indexed(&self, column: &Column) -> bool {
        column.unique
            || self.primary_key.contains(&column.name)
            || self
                .indexes
                .iter()
                .any(|index| index.columns.contains(&column.name))
    }
}

impl Index {
    fn parse(statement: &str) -> (String, Self) {
        let statement = statement.replace('\n', " ");
        let (unique, rest) = match statement.strip_prefix("CREATE UNIQUE INDEX ") {
            Some(rest) => (true, rest),
            None => (false, statement.trim_start_matches("CREATE INDEX ")),
        };
        let (name, rest) = rest.split_once(" ON ").expect("a table");
        let (table, rest) = rest.split_once(" (").expect("columns");
        let (columns, rest) = rest.split_once(')').expect("the end of the columns");
        let only = rest.trim().strip_prefix("WHERE ");
        assert!(
            rest.trim().is_empty() || only.is_some(),
            "not known: {rest}"
        );
        let index = Self {
            name: name.trim().to_owned(),
            unique,
            columns: names(columns),
            only: only.map(str::to_owned),
        };
        (table.trim().to_owned(), index)
    }
}

fn names(list: &str) -> Vec<String> {
    let list = list.trim().trim_start_matches('(').trim_end_matches(')');
    list.split(',').map(|name| name.trim().to_owned()).collect()
}
