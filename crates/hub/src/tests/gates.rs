//! Catching up while the room goes on: no hole, no repeat.

use proptest::prelude::*;

use super::*;
use crate::{OutboxLimits, Released};

const ROOM: RoomId = RoomId(7);

#[test]
fn what_is_held_goes_out_beyond_the_position_reached() {
    let world = World::new();
    let mut reader = world.reader(1, &[7]);
    world.deliver([change(7, 1)]);
    assert!(reader.link.hold(ROOM));
    world.deliver([change(7, 2), change(7, 3), typing(7, 2), change(7, 4)]);
    reader.expect(["7: change 0.1"]);
    assert_eq!(reader.link.release(ROOM, position(0, 3)), Released::Live);
    world.deliver([change(7, 5)]);
    reader.expect(["7: change 0.4", "7: change 0.5"]);
}

#[test]
fn where_rooms_were_delivered_is_known_while_anybody_listens() {
    let world = World::new();
    let mut reader = world.reader(1, &[7, 8]);
    let delivered = |reader: &Reader| {
        let mut rooms = reader.link.delivered();
        rooms.sort_by_key(|(room, _)| *room);
        rooms.into_iter().map(|(_, at)| at).collect::<Vec<_>>()
    };
    assert_eq!(delivered(&reader), [None, None]);
    world.deliver([change(7, 1), change(7, 2), typing(8, 2)]);
    assert_eq!(delivered(&reader), [Some(position(0, 2)), None]);
    // A repeat takes nothing back.
    world.deliver([change(7, 1), change(8, 5)]);
    assert_eq!(
        delivered(&reader),
        [Some(position(0, 2)), Some(position(0, 5))]
    );
    assert_eq!(reader.read().len(), 4);
    reader.link.unsubscribe(ROOM);
    assert_eq!(delivered(&reader), [Some(position(0, 5))]);
}

#[test]
fn what_was_replayed_is_not_delivered_again() {
    let world = World::new();
    let mut reader = world.reader(1, &[7]);
    assert!(reader.link.hold(ROOM));
    assert_eq!(reader.link.release(ROOM, position(3, 2)), Released::Live);
    world.deliver([change(7, 4), change(7, 5), change(7, 6)]);
    reader.expect(["7: change 0.6"]);
}

#[test]
fn other_rooms_go_on_meanwhile() {
    let world = World::new();
    let mut reader = world.reader(1, &[7, 8]);
    assert!(reader.link.hold(ROOM));
    world.deliver([change(7, 1), change(8, 1)]);
    reader.expect(["8: change 0.1"]);
}

#[test]
fn a_gate_that_overflows_asks_for_another_reading() {
    let outbox = OutboxLimits {
        shared_bytes: 2000,
        ..OutboxLimits::default()
    };
    let world = World::with(HubSettings {
        outbox,
        ..HubSettings::default()
    });
    let mut reader = world.reader(1, &[7]);
    assert!(reader.link.hold(ROOM));
    world.deliver((1..=100).map(|revision| change(7, revision)));
    assert_eq!(
        reader.link.release(ROOM, position(0, 50)),
        Released::ReadAgain
    );
    world.deliver([change(7, 101)]);
    assert_eq!(reader.link.release(ROOM, position(0, 100)), Released::Live);
    reader.expect(["7: change 0.101"]);
}

#[test]
fn all_gates_of_a_connection_share_one_bound() {
    let outbox = OutboxLimits {
        shared_bytes: 2000,
        ..OutboxLimits::default()
    };
    let world = World::with(HubSettings {
        outbox,
        ..HubSettings::default()
    });
    let reader = world.reader(1, &[7, 8, 9]);
    let rooms = [7, 8, 9].map(RoomId);
    for room in rooms {
        assert!(reader.link.hold(room));
    }
    for revision in 1..=15 {
        world.deliver([
            change(7, revision),
            change(8, revision),
            change(9, revision),
        ]);
    }
    let released = rooms.map(|room| reader.link.release(room, Position::START));
    assert!(released.contains(&Released::ReadAgain), "{released:?}");
    // What was held is given back: a single room fits again.
    rooms.iter().for_each(|room| reader.link.unsubscribe(*room));
    let room = RoomId(10);
    reader
        .link
        .subscribe(room)
        .expect("there is room for this room");
    world.deliver((1..=10).map(|revision| change(10, revision)));
    assert_eq!(reader.link.release(room, Position::START), Released::Live);
}

#[test]
fn a_position_that_does_not_reach_what_is_held_asks_for_another_reading() {
    let world = World::new();
    let mut reader = world.reader(1, &[7]);
    world.deliver([change(7, 1), change(7, 2), change(7, 3)]);
    assert_eq!(reader.read().len(), 3);
    assert!(reader.link.hold(ROOM));
    world.deliver([change(7, 4)]);
    assert_eq!(
        reader.link.release(ROOM, position(0, 2)),
        Released::ReadAgain
    );
    reader.expect([]);
    assert_eq!(reader.link.release(ROOM, position(0, 3)), Released::Live);
    reader.expect(["7: change 0.4"]);
}

#[test]
fn a_leave_while_held_is_told_at_the_release() {
    let world = World::new();
    let mut reader = world.reader(1, &[7]);
    assert!(reader.link.hold(ROOM));
    world.deliver([
        change(7, 1),
        membership(7, 1, MembershipState::Left, 2),
        change(7, 3),
    ]);
    assert_eq!(reader.link.release(ROOM, Position::START), Released::Gone);
    world.deliver([change(7, 4)]);
    reader.expect(["7: change 0.1", "7: Left 1 0.2"]);
    assert!(!reader.link.hold(ROOM));
    assert_eq!(reader.link.release(ROOM, Position::START), Released::Gone);
}

#[test]
fn a_gate_reopened_lets_everything_out_that_was_held() {
    let world = World::new();
    let mut reader = world.reader(1, &[7]);
    world.deliver([change(7, 1), change(7, 2)]);
    assert!(reader.link.hold(ROOM));
    // Another role is no second beginning.
    world.deliver([change(7, 3), membership(7, 1, MembershipState::Active, 4)]);
    reader.expect(["7: change 0.1", "7: change 0.2"]);
    assert_eq!(reader.link.reopen(ROOM), Released::Live);
    world.deliver([change(7, 5)]);
    reader.expect(["7: change 0.3", "7: Active 1 0.4", "7: change 0.5"]);
}

#[test]
fn the_end_of_a_membership_is_released_only_without_a_hole_before_it() {
    let world = World::new();
    let mut reader = world.reader(1, &[7]);
    assert!(reader.link.hold(ROOM));
    assert!(!reader.link.release_ended(ROOM, Position::START));
    world.deliver([
        change(7, 1),
        change(7, 2),
        membership(7, 1, MembershipState::Left, 3),
    ]);
    let mut gap = world.reader(1, &[7]);
    assert!(gap.link.hold(ROOM));
    world.deliver([membership(7, 1, MembershipState::Left, 4)]);
    assert!(!gap.link.release_ended(ROOM, position(0, 2)));
    gap.expect([]);
    assert!(reader.link.release_ended(ROOM, position(0, 1)));
    reader.expect(["7: change 0.2", "7: Left 1 0.3"]);
    assert!(!reader.link.hold(ROOM));
}

#[test]
fn a_room_let_go_is_silent_until_the_user_joins_anew() {
    let world = World::new();
    let mut reader = world.reader(1, &[7, 8]);
    for room in [ROOM, RoomId(8)] {
        assert!(reader.link.hold(room));
        world.deliver([
            change(room.0, 1),
            membership(room.0, 1, MembershipState::Left, 2),
        ]);
    }
    assert_eq!(reader.link.let_go(ROOM), Released::Gone);
    world.deliver([change(7, 3)]);
    reader.expect([]);
    world.deliver([
        membership(7, 1, MembershipState::Active, 4),
        membership(8, 1, MembershipState::Active, 3),
    ]);
    assert_eq!(reader.link.let_go(RoomId(8)), Released::Live);
    reader.expect(["7: Active 1 0.4", "8: Active 1 0.3"]);
}

#[test]
fn a_return_while_held_is_told_too() {
    let world = World::new();
    let mut reader = world.reader(1, &[7]);
    assert!(reader.link.hold(ROOM));
    world.deliver([
        membership(7, 1, MembershipState::Left, 1),
        change(7, 2),
        membership(7, 1, MembershipState::Active, 3),
        change(7, 4),
    ]);
    assert_eq!(reader.link.release(ROOM, Position::START), Released::Live);
    reader.expect(["7: Left 1 0.1", "7: Active 1 0.3", "7: change 0.4"]);
}

#[test]
fn rooms_to_catch_up_on_stay_held_after_the_login() {
    let world = World::new();
    let mut reader = world.link();
    reader
        .link
        .attach(world.attachment(1))
        .expect("there is room");
    for room in [7, 8] {
        reader
            .link
            .subscribe(RoomId(room))
            .expect("there is room for this room");
    }
    let heads = [(ROOM, position(0, 5)), (RoomId(8), position(0, 5))];
    world.deliver([change(7, 6), change(8, 6)]);
    assert_eq!(reader.link.go_live(&heads, &[ROOM]), []);
    world.deliver([change(7, 7), change(8, 7)]);
    reader.expect(["8: change 0.6", "8: change 0.7"]);
    assert_eq!(reader.link.release(ROOM, position(0, 6)), Released::Live);
    reader.expect(["7: change 0.7"]);
}

#[test]
fn before_it_is_live_a_connection_hears_nothing() {
    let world = World::new();
    let mut reader = world.link();
    reader
        .link
        .attach(world.attachment(1))
        .expect("there is room");
    reader
        .link
        .subscribe(ROOM)
        .expect("there is room for this room");
    let _friend = world.reader(2, &[7]);
    world.deliver([
        change(7, 1),
        typing(7, 2),
        presence(
            2,
            Status::Online,
            tertulia_domain::PresenceCause::Connection,
        ),
        presence(1, Status::Busy, tertulia_domain::PresenceCause::Chosen),
        membership(9, 1, MembershipState::Pending, 1),
    ]);
    reader.expect([]);
    assert_eq!(reader.link.go_live(&[(ROOM, Position::START)], &[]), []);
    reader.expect(["7: change 0.1"]);
}

#[test]
fn a_reading_that_misses_too_much_leaves_the_room_held() {
    let outbox = OutboxLimits {
        shared_bytes: 500,
        ..OutboxLimits::default()
    };
    let world = World::with(HubSettings {
        outbox,
        ..HubSettings::default()
    });
    let mut reader = world.link();
    reader
        .link
        .attach(world.attachment(1))
        .expect("there is room");
    reader
        .link
        .subscribe(ROOM)
        .expect("there is room for this room");
    world.deliver((1..=50).map(|revision| change(7, revision)));
    assert_eq!(reader.link.go_live(&[(ROOM, position(0, 1))], &[]), [ROOM]);
    assert_eq!(reader.link.release(ROOM, position(0, 50)), Released::Live);
    world.deliver([change(7, 51)]);
    reader.expect(["7: change 0.51"]);
}

/// What may happen, in any order, to a room and one of its readers.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The store takes something.
    Commit,
    /// The next committed event is delivered.
    Deliver,
    /// The client asks to catch up.
    Hold,
    /// One page of at most two events is replayed.
    Replay,
    /// The gate is opened at the position reached.
    Release,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Commit),
        3 => Just(Step::Deliver),
        1 => Just(Step::Hold),
        2 => Just(Step::Replay),
        1 => Just(Step::Release),
    ]
}

/// A client that keeps its place in one room.
struct Client {
    world: World,
    reader: Reader,
    committed: i64,
    delivered: i64,
    /// What it has, in the order in which it came.
    got: Vec<i64>,
    held: bool,
    /// A replay that has begun from the client's place; how far it came.
    reached: i64,
}

impl Client {
    fn new(bound: usize) -> Self {
        let outbox = OutboxLimits {
            shared_bytes: bound,
            ..OutboxLimits::default()
        };
        let world = World::with(HubSettings {
            outbox,
            ..HubSettings::default()
        });
        let reader = world.reader(1, &[7]);
        let (committed, delivered) = (0, 0);
        Self {
            world,
            reader,
            committed,
            delivered,
            got: Vec::new(),
            held: false,
            reached: 0,
        }
    }

    fn go(&mut self, step: Step) {
        match step {
            Step::Commit => self.committed += 1,
            Step::Deliver if self.delivered < self.committed => {
                self.delivered += 1;
                self.world.deliver([change(7, self.delivered)]);
            }
            Step::Hold if !self.held => {
                assert!(self.reader.link.hold(ROOM));
                self.held = true;
                self.take();
                self.reached = self.place();
            }
            Step::Replay if self.held => {
                let end = (self.reached + 2).min(self.committed);
                self.got.extend(self.reached + 1..=end);
                self.reached = end;
            }
            Step::Release if self.held => self.release(),
            _ => {}
        }
        self.take();
    }

    fn release(&mut self) {
        match self.reader.link.release(ROOM, position(0, self.reached)) {
            Released::Live => self.held = false,
            Released::ReadAgain => {}
            Released::Gone => panic!("nobody left the room"),
        }
    }

    fn take(&mut self) {
        for word in self.reader.read() {
            let revision = word
                .rsplit('.')
                .next()
                .and_then(|revision| revision.parse().ok());
            self.got
                .push(revision.unwrap_or_else(|| panic!("unexpected {word}")));
        }
    }

    fn place(&self) -> i64 {
        self.got.last().copied().unwrap_or(0)
    }

    /// Catches up and lets everything be delivered.
    fn finish(&mut self) {
        while self.held {
            self.go(Step::Replay);
            self.go(Step::Release);
        }
        while self.delivered < self.committed {
            self.go(Step::Deliver);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_hole_and_no_repeat(
        steps in prop::collection::vec(step(), 0..80),
        bound in prop_oneof![Just(700_usize), Just(1 << 20)],
    ) {
        let mut client = Client::new(bound);
        for step in &steps {
            client.go(*step);
        }
        client.finish();
        prop_assert_eq!(client.got, (1..=client.committed).collect::<Vec<_>>());
    }
}
