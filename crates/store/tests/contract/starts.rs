//! Several nodes that start at once, and one whose start was cut off (G16).

use std::collections::BTreeSet;

use futures_util::future::join_all;
use tertulia_domain::ports::IdKind;

use crate::rows::{Rows, fresh};
use crate::world::{World, server};

/// The statements of MySQL's first migration, and what goes before them.
const MYSQL: &str = include_str!("../../migrations/mysql/0001_start.sql");
const NUMBERS: &str =
    "CREATE TABLE schema_migrations (number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_together_on_nothing_make_one_database() {
    let place = World::nowhere();
    let nodes = join_all((0..4).map(|_| place.node())).await;
    let mut ids = BTreeSet::new();
    for node in &nodes {
        node.ping().await.expect("it takes writes");
        let reserved = node.reserve_ids(IdKind::Room, 3).await;
        ids.extend(reserved.expect("ids are reserved"));
    }
    assert_eq!(ids, (1..=12).collect(), "one counter for all");
    drop(nodes);
    place.remove();
}

/// On PostgreSQL and SQLite a migration is one transaction; on MySQL each of its
/// statements stays done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_was_killed_is_run_again() {
    let Some(server) = server().filter(|url| url.starts_with("mysql:")) else {
        return;
    };
    let text = MYSQL.replace("{collation}", "utf8mb4_nopad_bin");
    let statements: Vec<_> = text.split_inclusive(";\n").collect();
    assert!(statements.len() > 20, "{}", statements.len());
    for done in [0, 1, 5, statements.len() / 2, statements.len()] {
        let url = fresh(&server);
        let rows = Rows::OfServer(url.clone());
        rows.make(&[&[NUMBERS], &statements[..done]].concat());
        let world = World::at(&url).await;
        let [ann, bob] = world.users().await;
        let room = world.group(&[ann, bob]).await;
        world.say(room, ann, "it stands").await;
    }
}
