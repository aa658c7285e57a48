//! Other people's programs that speak with the server, and what they need there.

use std::ffi::OsString;
use std::process::Stdio;

use serde_json::{Value, json};
use tertulia_domain::chat::RoomDraft;
use tertulia_domain::{RoomKind, Visibility};
use tertulia_testkit::{TestServer, TestServerBuilder};
use tokio::process::Command;

/// How the official libraries travel.
pub(crate) const TRANSPORTS: [&str; 3] = ["polling", "upgrade", "websocket"];

/// The contracts' sessions with a bare `user_id`, and with tokens.
pub(crate) const PROOFS: [Proof; 2] = [Proof::Trust, Proof::Tokens];

/// How clients say who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    Trust,
    Tokens,
}

/// What `cargo xtask test` hands over; without it the test is left out.
pub(crate) fn provided(variable: &str) -> Option<OsString> {
    #[expect(clippy::disallowed_methods, reason = "the tool's path comes this way")]
    let value = std::env::var_os(variable);
    if value.is_none() {
        eprintln!("skipped: {variable} is not set; `cargo xtask test` sets it");
    }
    value
}

/// A script of this folder's sibling.
pub(crate) fn script(name: &str) -> String {
    format!("{}/tests/{name}", env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn url(server: &TestServer) -> String {
    format!("http://{}", server.address())
}

fn builder(proof: Proof) -> TestServerBuilder {
    let builder = TestServer::builder();
    match proof {
        Proof::Trust => builder.variable("TERTULIA_TRUST_USER_ID", "true"),
        Proof::Tokens => builder.variable("TERTULIA_AD_HOC_GROUPS", "true"),
    }
}

/// A server with two people and a group of both, as UPRed's example session
/// wants them.
pub(crate) struct Stage {
    pub(crate) server: TestServer,
    pub(crate) people: [Value; 2],
    pub(crate) group: String,
}

impl Stage {
    pub(crate) async fn new(proof: Proof, names: [&str; 2]) -> Self {
        let server = builder(proof).spawn().await;
        let mut people = Vec::new();
        let mut ids = Vec::new();
        for name in names {
            let (user, person) = match proof {
                Proof::Trust => {
                    let identity = server.chat().trust(name).await.unwrap();
                    (identity.profile, json!({ "user_id": name }))
                }
                Proof::Tokens => {
                    let account = server.http().v1_register(name).await;
                    let identity = server.chat().authenticate(&account.token).await.unwrap();
                    let handle = identity.profile.handle.clone();
                    let person = json!({"user_id": handle, "token": account.token});
                    (identity.profile, person)
                }
            };
            ids.push(user);
            people.push(person);
        }
        let draft = RoomDraft {
            kind: RoomKind::Group,
            title: "Laboratorio".to_owned(),
            description: None,
            visibility: Visibility::Private,
            open: false,
            members: vec![ids[1].id],
        };
        let group = server.chat().create_room(&ids[0], draft).await.unwrap();
        let [a, b] = <[Value; 2]>::try_from(people).unwrap();
        Self {
            server,
            people: [a, b],
            group: group.id.to_string(),
        }
    }

    /// The two people as arguments of a program.
    pub(crate) fn arguments(&self) -> [String; 2] {
        [self.people[0].to_string(), self.people[1].to_string()]
    }
}

/// Runs a program to its end; it must say that all was as in the contract.
pub(crate) async fn goes_through(command: &mut Command, what: &str) {
    let done = command.stdin(Stdio::null()).output().await.unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{what}: {said}\n{errors}");
    assert!(said.ends_with("as in the contract\n"), "{what}: {said}");
}
