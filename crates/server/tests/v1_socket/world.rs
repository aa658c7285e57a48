//! A server with people and rooms in it.

use std::sync::Arc;

use serde_json::{Value, json};
use tertulia_testkit::{HttpClient, TestServer, TestServerBuilder, V1Account};

use crate::client::Client;
use crate::contract::Contract;

pub(crate) struct World {
    pub(crate) server: TestServer,
    pub(crate) contract: Arc<Contract>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(TestServer::builder()).await
    }

    pub(crate) async fn with(builder: TestServerBuilder) -> Self {
        let server = builder.spawn().await;
        let contract = Arc::new(Contract::of(&server.http()).await);
        Self { server, contract }
    }

    /// An account.
    pub(crate) async fn person(&self, name: &str) -> V1Account {
        self.server.http().v1_register(name).await
    }

    /// Talks HTTP as this person.
    pub(crate) fn http(&self, who: &V1Account) -> HttpClient {
        self.server.http().bearer(&who.token)
    }

    /// A socket that speaks for nobody yet.
    pub(crate) async fn socket(&self, name: &str) -> Client {
        Client::open(&self.server, &self.contract, name, &[]).await
    }

    /// A socket that is live as this person, without a catch-up.
    pub(crate) async fn live(&self, name: &str, who: &V1Account) -> Client {
        self.returning(name, who, None).await.0
    }

    /// A socket that comes back with a cursor, and what it was told until it was
    /// live.
    pub(crate) async fn returning(
        &self,
        name: &str,
        who: &V1Account,
        cursor: Option<&Value>,
    ) -> (Client, Vec<Value>) {
        let mut client = self.socket(name).await;
        let (_, missed) = client.auth(&who.token, cursor).await;
        (client, missed)
    }

    /// A group that the first of them makes; its id.
    pub(crate) async fn group(&self, members: &[&V1Account]) -> String {
        self.room("group", members).await
    }

    pub(crate) async fn room(&self, kind: &str, members: &[&V1Account]) -> String {
        let others: Vec<_> = members[1..].iter().map(|member| &member.id).collect();
        let draft = json!({"kind": kind, "title": "Cafetal", "members": others});
        let response = self.http(members[0]).post("/v1/rooms", &draft).await;
        assert_eq!(response.status, 201, "{}", response.text());
        response.json()["id"]
            .as_str()
            .expect("ids are strings")
            .to_owned()
    }

    /// Says something over HTTP; the message.
    pub(crate) async fn say(&self, who: &V1Account, room: &str, text: &str) -> Value {
        let path = format!("/v1/rooms/{room}/messages");
        let response = self.http(who).post(&path, &json!({"text": text})).await;
        assert_eq!(response.status, 201, "{}", response.text());
        response.json()
    }

    /// Makes `who` a member.
    pub(crate) async fn admit(&self, by: &V1Account, room: &str, who: &V1Account) {
        let path = format!("/v1/rooms/{room}/members/{}", who.id);
        let response = self.http(by).put(&path, &json!({"role": "member"})).await;
        assert!(response.status.is_success(), "{}", response.text());
    }

    /// Puts `who` out.
    pub(crate) async fn remove(&self, by: &V1Account, room: &str, who: &V1Account) {
        let path = format!("/v1/rooms/{room}/members/{}", who.id);
        let response = self.http(by).delete(&path).await;
        assert!(response.status.is_success(), "{}", response.text());
    }

    /// Where a room stands, as an entry of a cursor.
    pub(crate) async fn place(&self, who: &V1Account, room: &str) -> Value {
        let response = self.http(who).get(&format!("/v1/rooms/{room}")).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let room = response.json();
        json!([room["last_seq"], room["revision"]])
    }

    /// The whole history of a room, as its reader gets it over HTTP.
    pub(crate) async fn history(&self, who: &V1Account, room: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut path = format!("/v1/rooms/{room}/messages?after=0&limit=100");
        loop {
            let page = self.http(who).get(&path).await.json();
            items.extend(page["items"].as_array().expect("a page has items").clone());
            match page["next_cursor"].as_str() {
                None => return items,
                Some(next) => {
                    path = format!("/v1/rooms/{room}/messages?limit=100&cursor={next}");
                }
            }
        }
    }

    /// Ends the test: nothing was left unread, and no error logged.
    pub(crate) async fn end(self, clients: impl IntoIterator<Item = Client>) {
        for client in clients {
            client.finish().await;
        }
        self.server.shutdown().await;
    }
}
