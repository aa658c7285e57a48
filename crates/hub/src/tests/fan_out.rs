//! Who gets what, once, in order, encoded once.

use tertulia_domain::{
    MessageId, PresenceCause,
    event::{EndedSessions, SessionsEnded, Signal},
};

use super::*;
use crate::{OutboxLimits, Refused};

#[test]
fn an_event_is_encoded_once_and_reaches_each_listener_once() {
    let world = World::new();
    let mut readers: Vec<_> = (1..=20).map(|user| world.reader(user, &[7])).collect();
    let mut elsewhere = world.reader(21, &[8]);
    world.deliver([change(7, 1), change(7, 2)]);
    for reader in &mut readers {
        reader.expect(["7: change 0.1", "7: change 0.2"]);
    }
    elsewhere.expect([]);
    assert_eq!(world.words.asked.load(Ordering::Relaxed), 2);
    assert_eq!(world.hub.figures().deliveries, 40);
}

#[test]
fn each_wire_form_has_its_own_encoding() {
    let world = World::new();
    let mut plain = world.reader(1, &[7]);
    let mut other = world.link();
    let attachment = Attachment {
        codec: world.other,
        ..world.attachment(2)
    };
    other.link.attach(attachment).expect("there is room");
    other.go_live(&[7]);
    let signal = Signal {
        room: room(7),
        from: profile(3),
        to: None,
        kind: "offer".into(),
        payload: serde_json::Value::Null,
        mode: None,
    };
    world.deliver([change(7, 1), Event::Signal(signal), change(7, 2)]);
    plain.expect(["7: change 0.1", "7: signal from 3", "7: change 0.2"]);
    other.expect(["7: change 0.1", "<7: signal from 3>", "7: change 0.2"]);
}

#[test]
fn compressed_connections_share_one_compressed_frame() {
    let world = World::new();
    let mut plain = world.reader(1, &[7]);
    let mut small: Vec<_> = (2..4)
        .map(|user| {
            let reader = world.link();
            let attachment = Attachment {
                deflate: true,
                ..world.attachment(user)
            };
            reader.link.attach(attachment).expect("there is room");
            reader.go_live(&[7]);
            reader
        })
        .collect();
    world.deliver([change(7, 1)]);
    plain.expect(["7: change 0.1"]);
    for reader in &mut small {
        reader.expect(["7: change 0.1"]);
    }
    assert_eq!(world.words.asked.load(Ordering::Relaxed), 1);
}

#[test]
fn what_was_delivered_before_is_passed_over() {
    let world = World::new();
    let mut reader = world.reader(1, &[7]);
    world.deliver([
        change(7, 1),
        change(7, 2),
        change(7, 1),
        change(7, 2),
        change(7, 3),
    ]);
    reader.expect(["7: change 0.1", "7: change 0.2", "7: change 0.3"]);
}

#[test]
fn two_devices_of_a_user_both_listen_and_one_leaves_alone() {
    let world = World::new();
    let mut phone = world.reader(1, &[7]);
    let laptop = world.reader(1, &[7]);
    assert_eq!(world.hub.figures().users, 1);
    drop(laptop);
    world.deliver([change(7, 1)]);
    phone.expect(["7: change 0.1"]);
    assert_eq!(world.hub.figures().connections, 1);
}

#[test]
fn a_detached_connection_hears_nothing_and_can_speak_for_another() {
    let world = World::new();
    let mut reader = world.reader(1, &[7, 8]);
    reader
        .link
        .attach(world.attachment(2))
        .expect("there is room");
    reader.go_live(&[8]);
    world.deliver([change(7, 1), change(8, 1)]);
    reader.expect(["8: change 0.1"]);
    reader.link.detach();
    world.deliver([change(8, 2)]);
    reader.expect([]);
    assert_eq!(world.hub.figures().users, 0);
}

#[test]
fn connections_per_user_are_bounded() {
    let world = World::with(HubSettings {
        connections_per_user: 2,
        ..HubSettings::default()
    });
    let _first = world.reader(1, &[]);
    let second = world.reader(1, &[]);
    let third = world.link();
    assert_eq!(
        third.link.attach(world.attachment(1)),
        Err(Refused::TooManyConnections)
    );
    assert_eq!(third.link.attach(world.attachment(2)), Ok(()));
    drop(second);
    assert_eq!(third.link.attach(world.attachment(1)), Ok(()));
}

#[test]
fn rooms_per_connection_are_bounded() {
    let world = World::with(HubSettings {
        rooms_per_connection: 2,
        ..HubSettings::default()
    });
    let mut reader = world.reader(1, &[1, 2]);
    assert_eq!(reader.link.subscribe(RoomId(3)), Err(Refused::TooManyRooms));
    world.deliver([membership(4, 1, MembershipState::Active, 1), change(4, 2)]);
    reader.expect(["4: Active 1 0.1"]);
    reader.link.unsubscribe(RoomId(1));
    assert_eq!(reader.link.subscribe(RoomId(3)), Ok(()));
}

#[test]
fn a_slow_reader_is_cut_and_the_others_do_not_notice() {
    let outbox = OutboxLimits {
        shared_bytes: 1000,
        ..OutboxLimits::default()
    };
    let world = World::with(HubSettings {
        outbox,
        ..HubSettings::default()
    });
    let mut slow = world.reader(1, &[7]);
    let mut quick = world.reader(2, &[7]);
    let mut got = Vec::new();
    for revision in 1..=50 {
        world.deliver([change(7, revision)]);
        got.extend(quick.read());
        assert!(slow.link.outbox().waiting_bytes().1 <= 1000 + 100);
    }
    let expected: Vec<_> = (1..=50)
        .map(|revision| format!("7: change 0.{revision}"))
        .collect();
    assert_eq!(got, expected);
    slow.expect(["close 1013 slow_consumer"]);
}

#[test]
fn typing_is_for_the_others() {
    let world = World::new();
    let mut writer = world.reader(1, &[7]);
    let mut reader = world.reader(2, &[7]);
    world.deliver([typing(7, 1)]);
    writer.expect([]);
    reader.expect(["7: 1 is typing"]);
}

#[test]
fn signals_go_to_one_member_or_to_all_others() {
    let world = World::new();
    let mut readers: Vec<_> = (1..=3).map(|user| world.reader(user, &[7])).collect();
    let mut stranger = world.reader(4, &[8]);
    let signal = |to: Option<i64>| {
        Event::Signal(Signal {
            room: room(7),
            from: profile(1),
            to: to.map(profile),
            kind: "offer".into(),
            payload: serde_json::Value::Null,
            mode: None,
        })
    };
    world.deliver([signal(Some(2))]);
    let got: Vec<_> = readers
        .iter_mut()
        .map(|reader| reader.read().len())
        .collect();
    assert_eq!(got, [0, 1, 0]);
    world.deliver([signal(None)]);
    let got: Vec<_> = readers
        .iter_mut()
        .map(|reader| reader.read().len())
        .collect();
    assert_eq!(got, [0, 1, 1]);
    stranger.expect([]);
}

#[test]
fn what_one_reader_hides_is_told_to_that_reader_only() {
    let world = World::new();
    let mut one = world.reader(1, &[7]);
    let mut other = world.reader(2, &[7]);
    let hidden = Change::Hidden {
        message: MessageId(5),
        seq: Seq(1),
        user: UserId(1),
    };
    world.deliver([
        stored(7, position(1, 1), hidden),
        change(7, 1),
        change(7, 3),
    ]);
    one.expect(["7: hidden 1.1", "7: change 0.3"]);
    other.expect(["7: change 0.3"]);
}

#[test]
fn presence_reaches_each_connection_once_whatever_rooms_are_shared() {
    let world = World::new();
    let mut own = world.reader(1, &[7, 8, 9]);
    let mut friend = world.reader(2, &[7, 8]);
    let mut stranger = world.reader(3, &[10]);
    world.deliver([
        presence(1, Status::Online, PresenceCause::Connection),
        presence(1, Status::Busy, PresenceCause::Chosen),
        Event::ProfileChanged(profile(1)),
    ]);
    own.expect(["1 is Busy", "1 changed"]);
    friend.expect(["1 is Online", "1 is Busy", "1 changed"]);
    stranger.expect([]);
}

#[test]
fn large_rooms_are_not_told_of_presence() {
    let world = World::with(HubSettings {
        presence_listeners: 3,
        ..HubSettings::default()
    });
    let _one = world.reader(1, &[7, 8]);
    let mut large: Vec<_> = (2..=4).map(|user| world.reader(user, &[7])).collect();
    let mut small = world.reader(5, &[8]);
    world.deliver([presence(1, Status::Online, PresenceCause::Connection)]);
    large.iter_mut().for_each(|reader| reader.expect([]));
    small.expect(["1 is Online"]);
}

#[test]
fn the_connections_of_an_ended_login_are_closed() {
    let world = World::new();
    let mut phone = world.reader(1, &[7]);
    let mut laptop = world.link();
    let session = Some(SessionId(11));
    let attachment = Attachment {
        session,
        codec: world.other,
        ..world.attachment(1)
    };
    laptop.link.attach(attachment).expect("there is room");
    laptop.go_live(&[7]);
    let mut other = world.reader(2, &[7]);
    let ended = |which| {
        Event::SessionsEnded(SessionsEnded {
            user: UserId(1),
            which,
        })
    };

    world.deliver([ended(EndedSessions::One(SessionId(12))), change(7, 1)]);
    phone.expect(["7: change 0.1"]);
    laptop.expect(["7: change 0.1"]);

    // The laptop's session says goodbye itself, and has two seconds for it.
    world.deliver([ended(EndedSessions::One(SessionId(11))), change(7, 2)]);
    phone.expect(["7: change 0.2"]);
    assert_eq!(laptop.read(), ["close 1008 session_ended", "<ended>"]);

    world.deliver([ended(EndedSessions::All), change(7, 3)]);
    phone.expect(["close 1008 session_ended"]);
    other.expect(["7: change 0.1", "7: change 0.2", "7: change 0.3"]);
}

#[tokio::test(start_paused = true)]
async fn a_stopping_server_says_goodbye_and_waits() {
    let world = World::new();
    let mut readers: Vec<_> = (1..=5).map(|user| world.reader(user, &[7])).collect();
    let unknown = world.link();
    let hub = Arc::clone(&world.hub);
    let stopping = tokio::spawn(async move { hub.shutdown(Duration::from_secs(10)).await });
    tokio::task::yield_now().await;
    assert!(matches!(world.hub.link(), Err(Refused::Stopping)));
    // Six connections come back over five seconds.
    let mut words: Vec<_> = readers.iter_mut().flat_map(Reader::read).collect();
    words.retain(|word| word != "close 1001 ");
    words.sort_unstable();
    let delay = |word: &String| {
        word.strip_prefix("bye ")
            .and_then(|ms| ms.parse::<u64>().ok())
    };
    let delays: Vec<_> = words.iter().filter_map(delay).collect();
    assert_eq!(delays.len(), 5);
    assert!(
        delays.iter().all(|delay| delay % 833 <= 6 && *delay < 5000),
        "{delays:?}"
    );
    drop(readers);
    assert!(!stopping.is_finished());
    let start = tokio::time::Instant::now();
    drop(unknown);
    stopping.await.expect("the shutdown does not panic");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_stopping_server_does_not_wait_for_ever() {
    let world = World::new();
    let _reader = world.reader(1, &[7]);
    let start = tokio::time::Instant::now();
    world.hub.shutdown(Duration::from_secs(10)).await;
    assert_eq!(start.elapsed().as_secs(), 10);
}
