//! The worst that can happen to a server and to its database while people send
//! (`reliability.md` §1, §5), with the real program: [`kills`] of the server
//! itself, [`outages`] of the database.

mod kills;
#[cfg(target_os = "linux")]
mod outages;

use std::path::Path;

use serde_json::json;
use tertulia_testkit::checker::{Send, Stored};
use tertulia_testkit::{ServerProcess, ServerProcessBuilder, V1Account};

const BINARY: &str = env!("CARGO_BIN_EXE_tertulia");

/// What was said and heard.
#[derive(Default)]
struct Journal {
    sends: Vec<Send>,
    told: Vec<Vec<Stored>>,
}

fn program(data_dir: &Path) -> ServerProcessBuilder {
    ServerProcess::builder(BINARY, data_dir)
        .variable("TERTULIA_LIMIT_MESSAGES_PER_SECOND", "100000")
        .variable("TERTULIA_LIMIT_MESSAGE_BURST", "100000")
}

async fn register(server: &ServerProcess, count: usize) -> Vec<V1Account> {
    let http = server.http();
    let mut people = Vec::new();
    for number in 0..count {
        people.push(http.v1_register(&format!("user{number}")).await);
    }
    people
}

async fn make_room(server: &ServerProcess, people: &[V1Account]) -> String {
    let members: Vec<&str> = people[1..].iter().map(|it| it.id.as_str()).collect();
    let room = json!({ "kind": "group", "title": "Cafetal", "members": members });
    let http = server.http().bearer(&people[0].token);
    let made = http.post("/v1/rooms", &room).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}
