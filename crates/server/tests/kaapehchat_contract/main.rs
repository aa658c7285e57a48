//! The KaapehChat contract, row by row: each test quotes the row that it holds.
//!
//! [`example`] is the contract's section 7, [`transport`] its section 2,
//! [`entering`], [`asking`], [`messages`], [`calls`] and [`malformed`] its section 3,
//! [`settings`] its section 5, [`mended`] its section 6. [`people`] has whole
//! conversations, [`other_dialects`] what happens elsewhere.

mod asking;
mod calls;
mod entering;
mod example;
mod malformed;
mod mended;
mod messages;
mod other_dialects;
mod people;
mod python;
mod settings;
mod transport;

use serde_json::{Value, json};
use tertulia_testkit::{KaapehAccount, KaapehClient, TestServer};

/// The id of nobody and nothing.
const STRANGER: &str = "00000000-0000-4000-8000-000000000000";

/// A new socket, registered under a name that is also the socket's.
async fn member(server: &TestServer, name: &str) -> (KaapehClient, KaapehAccount) {
    let mut client = server.kaapehchat(name).await;
    let account = client.register(name).await;
    (client, account)
}

/// A further socket of the same person.
async fn device(server: &TestServer, name: &str, account: &KaapehAccount) -> KaapehClient {
    let mut client = server.kaapehchat(name).await;
    client.hello(&account.token).await;
    client
}

/// Asks and takes the one reply.
async fn ask(client: &mut KaapehClient, kind: &str, data: Value, reply: &str) -> Value {
    client.request(kind, &data).await;
    client.expect(reply).await
}

/// Asks and is refused with exactly this text.
async fn refused(client: &mut KaapehClient, kind: &str, data: Value, text: &str) {
    let refusal = ask(client, kind, data, "error").await;
    assert_eq!(refusal, json!({ "message": text }), "{kind}");
}

/// As [`refused`], where the contract has `auth:error`.
async fn auth_refused(client: &mut KaapehClient, kind: &str, data: Value, text: &str) {
    let refusal = ask(client, kind, data, "auth:error").await;
    assert_eq!(refusal, json!({ "message": text }), "{kind}");
}

/// Proves that nothing came to these but what was looked at: the first chooses
/// a status, and the next frame of all of them, who share a chat with it, is
/// that news. Events reach every socket in the order in which they happened.
async fn nothing_else(client: &mut KaapehClient, others: &mut [&mut KaapehClient]) {
    let status = json!({ "status": "online" });
    client.request("presence:update", &status).await;
    let news = client.expect("presence:update").await;
    for other in others {
        assert_eq!(other.expect("presence:update").await, news);
    }
}

/// Opens the direct chat of two people; both know of it afterwards.
async fn direct_chat(
    asker: &mut KaapehClient,
    other: &mut KaapehClient,
    other_account: &KaapehAccount,
) -> String {
    let created = ask(
        asker,
        "chat:createDirect",
        json!({ "userId": other_account.id }),
        "chat:created",
    )
    .await;
    other.expect("chat:created").await;
    text(&created["chat"]["id"])
}

/// Makes a group and invites people, who all know of it afterwards.
async fn group(
    owner: &mut KaapehClient,
    members: &mut [(&mut KaapehClient, &KaapehAccount)],
) -> String {
    let title = json!({ "title": "Cafetal" });
    let created = ask(owner, "group:create", title, "group:created").await;
    let group = text(&created["chat"]["id"]);
    for invited in 0..members.len() {
        let invitation = json!({ "groupId": group, "userId": members[invited].1.id });
        ask(owner, "group:invite", invitation, "group:invite:ok").await;
        for (member, _) in &mut members[..=invited] {
            member.expect("chat:created").await;
        }
    }
    group
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("a string was expected, not {value}"))
        .to_owned()
}
