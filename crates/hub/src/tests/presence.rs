//! Arrivals and departures, with time that stands still.

use futures_util::future::{BoxFuture, FutureExt};
use parking_lot::Mutex;
use tertulia_domain::PresenceCause;
use tokio::{sync::Semaphore, time::sleep};

use super::*;
use crate::PresenceSink;

/// Notes what it is told; takes its time while the door is closed.
struct Diary {
    words: Mutex<Vec<String>>,
    door: Semaphore,
}

impl Diary {
    fn start(world: &World) -> Arc<Self> {
        let diary = Arc::new(Self {
            words: Mutex::default(),
            door: Semaphore::new(1000),
        });
        let (hub, sink) = (Arc::clone(&world.hub), Arc::clone(&diary));
        tokio::spawn(async move { hub.run_presence(&*sink).await });
        diary
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.words.lock())
    }

    async fn note(&self, word: String) {
        self.door
            .acquire()
            .await
            .expect("the door is never taken away")
            .forget();
        self.words.lock().push(word);
    }
}

impl PresenceSink for Diary {
    fn arrived<'a>(&'a self, user: &'a Arc<Profile>) -> BoxFuture<'a, ()> {
        self.note(format!("{} came", user.id)).boxed()
    }

    fn went<'a>(&'a self, user: &'a Arc<Profile>) -> BoxFuture<'a, ()> {
        self.note(format!("{} went", user.id)).boxed()
    }

    fn attends<'a>(
        &'a self,
        user: &'a Arc<Profile>,
        room: RoomId,
        here: bool,
    ) -> BoxFuture<'a, ()> {
        let what = if here { "entered" } else { "left" };
        self.note(format!("{} {what} {room}", user.id)).boxed()
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test(start_paused = true)]
async fn the_first_connection_brings_an_arrival_and_the_last_a_departure() {
    let world = World::new();
    let diary = Diary::start(&world);
    let phone = world.reader(1, &[]);
    phone.link.announced().await;
    assert_eq!(diary.take(), ["1 came"]);
    let laptop = world.reader(1, &[]);
    drop(phone);
    sleep(ms(2000)).await;
    drop(laptop);
    sleep(ms(499)).await;
    assert!(diary.take().is_empty());
    sleep(ms(2)).await;
    assert_eq!(diary.take(), ["1 went"]);
}

/// Whoever shares a room must be there to be told.
#[tokio::test(start_paused = true)]
async fn nobody_arrives_before_its_rooms_are_listened_to() {
    let world = World::new();
    let diary = Diary::start(&world);
    let reader = world.link();
    let attachment = world.attachment(1);
    reader.link.attach(attachment).expect("there is room");
    sleep(ms(1)).await;
    assert!(diary.take().is_empty());
    let rooms = vec![(RoomId(7), position(0, 0), Revision(0))];
    let followed = reader
        .link
        .follow(|| std::future::ready(Ok::<_, ()>(rooms.clone())));
    assert_eq!(followed.await, Ok(rooms.clone()));
    reader.link.announced().await;
    assert_eq!(diary.take(), ["1 came"]);
    assert_eq!(reader.link.go_live(&[], &[]), []);
    sleep(ms(1)).await;
    assert!(diary.take().is_empty(), "it came only once");
}

#[tokio::test(start_paused = true)]
async fn a_return_within_the_grace_is_silent() {
    let world = World::new();
    let diary = Diary::start(&world);
    let mut reader = world.reader(1, &[]);
    sleep(ms(1)).await;
    assert_eq!(diary.take(), ["1 came"]);
    for _ in 0..20 {
        drop(reader);
        sleep(ms(400)).await;
        reader = world.reader(1, &[]);
        sleep(ms(50)).await;
    }
    assert!(diary.take().is_empty());
    drop(reader);
    sleep(ms(501)).await;
    assert_eq!(diary.take(), ["1 went"]);
    let _back = world.reader(1, &[]);
    sleep(ms(1)).await;
    assert_eq!(diary.take(), ["1 came"]);
}

#[tokio::test(start_paused = true)]
async fn a_user_who_comes_back_while_its_departure_is_told_arrives_again() {
    let world = World::new();
    let diary = Diary::start(&world);
    drop(world.reader(1, &[]));
    // Gone before anyone was told that it came: nothing to tell.
    sleep(ms(1000)).await;
    assert!(diary.take().is_empty());
    let reader = world.reader(1, &[]);
    reader.link.announced().await;
    diary.door.forget_permits(1000);
    drop(reader);
    sleep(ms(1000)).await;
    let back = world.reader(1, &[]);
    let mut announced = Box::pin(back.link.announced());
    assert!(announced.as_mut().now_or_never().is_none());
    diary.door.add_permits(1000);
    announced.await;
    assert_eq!(diary.take(), ["1 came", "1 went", "1 came"]);
    drop(back);
    sleep(ms(501)).await;
    assert_eq!(diary.take(), ["1 went"]);
}

#[tokio::test(start_paused = true)]
async fn a_user_who_goes_while_its_arrival_is_told_departs_after_it() {
    let world = World::new();
    let diary = Diary::start(&world);
    diary.door.forget_permits(1000);
    let reader = world.reader(1, &[]);
    sleep(ms(1)).await;
    drop(reader);
    sleep(ms(5000)).await;
    diary.door.add_permits(1000);
    sleep(ms(1000)).await;
    assert_eq!(diary.take(), ["1 came", "1 went"]);
}

#[tokio::test(start_paused = true)]
async fn many_come_and_go_and_each_is_told_once() {
    let world = World::new();
    let diary = Diary::start(&world);
    let readers: Vec<_> = (1..=200).map(|user| world.reader(user, &[])).collect();
    for reader in &readers {
        reader.link.announced().await;
    }
    assert_eq!(diary.take().len(), 200);
    drop(readers);
    sleep(ms(501)).await;
    assert_eq!(diary.take().len(), 200);
    sleep(ms(60_000)).await;
    assert!(diary.take().is_empty());
    assert_eq!(world.hub.presence.remembered(), 0);
}

#[tokio::test(start_paused = true)]
async fn those_who_shared_a_room_learn_that_someone_went() {
    let world = World::new();
    let _diary = Diary::start(&world);
    let mut friend = world.reader(2, &[7]);
    let mut past_friend = world.reader(3, &[8]);
    let reader = world.reader(1, &[7, 8]);
    reader.link.announced().await;
    drop(reader);
    world.deliver([membership(8, 1, MembershipState::Left, 1)]);
    past_friend.expect(["8: Left 1 0.1"]);
    sleep(ms(600)).await;
    world.deliver([presence(1, Status::Offline, PresenceCause::Connection)]);
    friend.expect(["1 is Offline"]);
    past_friend.expect([]);
}
