//! An app that has a connection of its own to the same database, and writes
//! there with plain SQL.

use std::time::Duration;

use sqlx::AssertSqlSafe;

use crate::rows::{Rows, Server, run};

/// A connection with transactions of its own.
pub(crate) struct App {
    place: Place,
    in_transaction: bool,
}

enum Place {
    File(rusqlite::Connection),
    Server(Server),
}

impl App {
    pub(crate) async fn of(rows: &Rows) -> Self {
        let place = match rows {
            Rows::OfFile(path) => {
                let file = rusqlite::Connection::open(path).expect("the database opens");
                let patience = Duration::from_secs(20);
                file.busy_timeout(patience).expect("it is set");
                let as_ours = "PRAGMA foreign_keys = OFF";
                file.execute_batch(as_ours).expect("it is set");
                Place::File(file)
            }
            Rows::OfServer(url) => Place::Server(Server::connect(url).await),
        };
        let in_transaction = false;
        Self {
            place,
            in_transaction,
        }
    }

    /// Runs a statement, by itself where no transaction was begun.
    pub(crate) async fn run(&mut self, sql: &str) {
        let begins = sql == "BEGIN";
        match &mut self.place {
            Place::File(file) => file.execute_batch(sql).expect("the statement runs"),
            Place::Server(Server::MySql(server)) => {
                let query = sqlx::raw_sql(AssertSqlSafe(sql));
                run(query.execute(server)).await;
            }
            Place::Server(Server::Postgres(server, schema)) => {
                // A pooler may give each transaction another connection.
                let begin = format!("BEGIN; SET LOCAL search_path TO {schema}");
                let sql = match (begins, self.in_transaction) {
                    (true, _) => begin,
                    (false, true) => sql.to_owned(),
                    (false, false) => format!("{begin}; {sql}; COMMIT"),
                };
                let query = sqlx::raw_sql(AssertSqlSafe(sql));
                run(query.execute(server)).await;
            }
        }
        if begins || matches!(sql, "COMMIT" | "ROLLBACK") {
            self.in_transaction = begins;
        }
    }

    /// Whether its database is PostgreSQL.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.place, Place::Server(Server::Postgres(..)))
    }

    /// Lets every change of a row of `outbox` fail.
    pub(crate) async fn break_marks(&mut self) {
        let sql = match self.place {
            Place::File(_) => {
                "CREATE TRIGGER broken BEFORE UPDATE ON outbox
                 BEGIN SELECT RAISE(ABORT, 'no marks today'); END"
            }
            Place::Server(Server::Postgres(..)) => {
                "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'no marks today'; END $$;
                 CREATE TRIGGER broken BEFORE UPDATE ON outbox
                 FOR EACH ROW EXECUTE FUNCTION broken()"
            }
            Place::Server(Server::MySql(_)) => {
                "CREATE TRIGGER broken BEFORE UPDATE ON outbox FOR EACH ROW
                 SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no marks today'"
            }
        };
        self.run(sql).await;
    }

    /// Lets them pass again.
    pub(crate) async fn mend_marks(&mut self) {
        let sql = match self.is_postgres() {
            true => "DROP TRIGGER broken ON outbox",
            false => "DROP TRIGGER broken",
        };
        self.run(sql).await;
    }
}
