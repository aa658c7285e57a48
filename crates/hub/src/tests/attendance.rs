//! Who has opened a room for itself, and who is told.

use futures_util::future::{BoxFuture, FutureExt, join};
use tokio::sync::mpsc;

use super::*;
use crate::{PresenceSink, Released};

const ROOM: RoomId = RoomId(7);

/// Passes what it is told back to the hub, as the domain and the bus do, when the test says so.
struct Echo(mpsc::Sender<Event>);

impl PresenceSink for Echo {
    fn arrived<'a>(&'a self, _: &'a Arc<Profile>) -> BoxFuture<'a, ()> {
        async {}.boxed()
    }

    fn went<'a>(&'a self, _: &'a Arc<Profile>) -> BoxFuture<'a, ()> {
        async {}.boxed()
    }

    fn attends<'a>(
        &'a self,
        user: &'a Arc<Profile>,
        room: RoomId,
        here: bool,
    ) -> BoxFuture<'a, ()> {
        let event = Event::Attendance {
            room,
            user: Arc::clone(user),
            here,
            at: NOW,
        };
        async {
            self.0.send(event).await.expect("the test goes on");
        }
        .boxed()
    }
}

fn echo(world: &World) -> mpsc::Receiver<Event> {
    let (sender, receiver) = mpsc::channel(16);
    let hub = Arc::clone(&world.hub);
    tokio::spawn(async move { hub.run_presence(&Echo(sender)).await });
    receiver
}

async fn next(world: &World, news: &mut mpsc::Receiver<Event>) {
    let event = news.recv().await.expect("the hub goes on");
    world.deliver([event]);
}

/// Opens the room for a user, and says first who is there.
async fn enter(world: &World, user: i64, news: Option<&mut mpsc::Receiver<Event>>) -> Reader {
    let reader = world.link();
    let attachment = Attachment {
        follow: Follow::Chosen,
        ..world.attachment(user)
    };
    reader.link.attach(attachment).expect("there is room");
    let subscribed = reader.link.subscribe(ROOM);
    subscribed.expect("there is room for this room");
    match news {
        Some(news) => drop(join(reader.link.attend(ROOM), next(world, news)).await),
        None => reader.link.attend(ROOM).await,
    }
    let entered = reader.link.enter(ROOM, Position::START, true, |users| {
        let users: Vec<_> = users.iter().map(ToString::to_string).collect();
        vec![frame::text(&format!("here: {}", users.join(" ")))]
    });
    assert_eq!(entered, Released::Live);
    reader
}

#[tokio::test]
async fn the_first_connection_of_a_user_is_told_and_the_last() {
    let world = World::new();
    let mut news = echo(&world);
    let mut ann = enter(&world, 1, Some(&mut news)).await;
    ann.expect(["here: 1"]);
    let mut bob = enter(&world, 2, Some(&mut news)).await;
    bob.expect(["here: 1 2"]);
    ann.expect(["7: 2 entered"]);

    let mut second = enter(&world, 2, None).await;
    second.expect(["here: 1 2"]);
    drop(bob);
    drop(second);
    next(&world, &mut news).await;
    ann.expect(["7: 2 left"]);
    assert_eq!(world.hub.attending(ROOM), [UserId(1)]);
    drop(ann);
    next(&world, &mut news).await;
    assert_eq!(world.hub.attendance.remembered(), 0);
    assert!(news.try_recv().is_err(), "nothing else was told");
}

#[tokio::test]
async fn who_comes_back_before_anybody_heard_of_it_was_never_away() {
    let world = World::new();
    let mut news = echo(&world);
    let ann = enter(&world, 1, Some(&mut news)).await;
    // Nothing is awaited between the two.
    drop(ann);
    let again = world.link();
    let attachment = world.attachment(1);
    again.link.attach(attachment).expect("there is room");
    again.link.attend(ROOM).await;
    tokio::task::yield_now().await;
    assert!(news.try_recv().is_err());
    assert_eq!(world.hub.attending(ROOM), [UserId(1)]);
    again.link.unsubscribe(ROOM);
    next(&world, &mut news).await;
    assert_eq!(world.hub.attending(ROOM), []);
}

#[tokio::test]
async fn large_rooms_are_not_told_who_enters() {
    let world = World::with(HubSettings {
        presence_listeners: 1,
        ..HubSettings::default()
    });
    let mut news = echo(&world);
    let mut ann = enter(&world, 1, Some(&mut news)).await;
    ann.expect(["here: 1"]);
    let mut bob = enter(&world, 2, Some(&mut news)).await;
    bob.expect(["here: 1 2"]);
    ann.expect([]);
}
