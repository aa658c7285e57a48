//! A COMMIT whose answer is lost (G2, G3, G13): between the store and the server
//! stands a relay that lets it through or holds it back, and cuts the line.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tertulia_domain::Draft;
use tertulia_domain::command::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::rows::fresh;
use crate::world::{World, server};

/// What the relay does with the next COMMIT.
const NOTHING: u8 = 0;
const DELIVER_AND_CUT: u8 = 1;
const CUT_AND_DELIVER_LATER: u8 = 2;

#[derive(Default)]
struct Relay {
    plan: AtomicU8,
    late: Notify,
    delivered: Notify,
}

impl Relay {
    /// Stands before a server; gives its own URL.
    async fn before(url: &str) -> (Arc<Self>, String) {
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (user, rest) = rest.split_once('@').expect("a user");
        let (server, database) = rest.split_once('/').expect("a database");
        let server = server.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("it listens");
        let own = listener.local_addr().expect("its address");
        let relay = Arc::new(Self::default());
        let shared = Arc::clone(&relay);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.expect("the server");
                tokio::spawn(Arc::clone(&shared).pass(client, server));
            }
        });
        (relay, format!("{scheme}://{user}@{own}/{database}"))
    }

    async fn pass(self: Arc<Self>, mut client: TcpStream, mut server: TcpStream) {
        let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
        loop {
            tokio::select! {
                said = client.read(&mut up) => {
                    let Ok(length @ 1..) = said else { return };
                    let said = &up[..length];
                    let plan = if is_commit(said) {
                        self.plan.swap(NOTHING, Ordering::SeqCst)
                    } else {
                        NOTHING
                    };
                    if plan == CUT_AND_DELIVER_LATER {
                        let _ = client.shutdown().await;
                        self.late.notified().await;
                    }
                    if server.write_all(said).await.is_err() {
                        return;
                    }
                    if plan != NOTHING {
                        // Its answer is for nobody any more.
                        let _ = server.read(&mut down).await;
                        self.delivered.notify_one();
                        return;
                    }
                }
                said = server.read(&mut down) => {
                    let Ok(length @ 1..) = said else { return };
                    if client.write_all(&down[..length]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

fn is_commit(said: &[u8]) -> bool {
    said.windows(8).any(|word| word == b"; COMMIT")
}

/// A world whose store speaks through a relay; none on SQLite, where no line
/// can be cut.
async fn world() -> Option<(World, Arc<Relay>)> {
    let url = fresh(&server()?);
    let (relay, through) = Relay::before(&url).await;
    Some((World::through(&through, &url).await, relay))
}

#[tokio::test]
async fn a_commit_that_was_done_is_told_though_its_answer_was_lost() {
    let Some((world, relay)) = world().await else {
        return;
    };
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let command = world.append(room, ann, Draft::text("is it there?")).await;
    relay.plan.store(DELIVER_AND_CUT, Ordering::SeqCst);
    let outcome = world.run(command).await;
    assert_eq!(relay.plan.load(Ordering::SeqCst), NOTHING, "it was cut");
    let Ok(Outcome::Appended { message, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(world.history(room, ann).await[0].id, message.id);
    world.say(room, ann, "it is").await;
}

#[tokio::test]
async fn a_commit_that_comes_after_it_was_given_up_does_nothing() {
    let Some((world, relay)) = world().await else {
        return;
    };
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let lost = world.append(room, ann, Draft::text("refused")).await;
    relay.plan.store(CUT_AND_DELIVER_LATER, Ordering::SeqCst);
    let outcome = world.run(lost).await;
    assert!(outcome.is_err(), "{outcome:?}");
    relay.late.notify_one();
    relay.delivered.notified().await;
    let kept = world.say(room, ann, "kept").await;
    let history = world.history(room, ann).await;
    assert_eq!(history.len(), 1, "what was refused has come back");
    assert_eq!(history[0].id, kept.id);
}

#[tokio::test]
async fn a_line_that_is_cut_between_two_sends_costs_nothing() {
    let Some((world, relay)) = world().await else {
        return;
    };
    let [ann, bob] = world.users().await;
    relay.plan.store(DELIVER_AND_CUT, Ordering::SeqCst);
    let room = world.group(&[ann, bob]).await;
    let command = world.append(room, bob, Draft::text("hi")).await;
    let outcome = world.run(command).await;
    assert!(
        matches!(outcome, Ok(Outcome::Appended { .. })),
        "{outcome:?}"
    );
}
