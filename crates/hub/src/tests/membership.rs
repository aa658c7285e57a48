//! Who listens follows who is a member, in every order in which things can happen.

use std::sync::atomic::AtomicBool;

use tertulia_domain::MembershipState::{Active, Banned, Left, Pending};

use super::*;
use crate::Released;

#[test]
fn whoever_joins_listens_from_that_event_on() {
    let world = World::new();
    let mut phone = world.reader(1, &[]);
    let mut laptop = world.reader(1, &[]);
    let mut other = world.reader(2, &[7]);
    world.deliver([change(7, 1), membership(7, 1, Active, 2), change(7, 3)]);
    phone.expect(["7: Active 1 0.2", "7: change 0.3"]);
    laptop.expect(["7: Active 1 0.2", "7: change 0.3"]);
    other.expect(["7: change 0.1", "7: Active 1 0.2", "7: change 0.3"]);
}

#[test]
fn whoever_leaves_learns_it_and_nothing_after() {
    for state in [Left, Banned] {
        let world = World::new();
        let mut leaver = world.reader(1, &[7, 8]);
        let mut other = world.reader(2, &[7]);
        world.deliver([
            change(7, 1),
            membership(7, 1, state, 2),
            change(7, 3),
            typing(7, 2),
        ]);
        leaver.expect(["7: change 0.1", &format!("7: {state:?} 1 0.2")]);
        assert_eq!(other.read().len(), 3);
        world.deliver([change(8, 1)]);
        leaver.expect(["8: change 0.1"]);
    }
}

#[test]
fn someone_invited_learns_it_without_listening() {
    let world = World::new();
    let mut guest = world.reader(1, &[]);
    world.deliver([membership(7, 1, Pending, 1), change(7, 2)]);
    guest.expect(["7: Pending 1 0.1"]);
    world.deliver([membership(7, 1, Left, 3)]);
    guest.expect(["7: Left 1 0.3"]);
}

#[test]
fn first_members_listen_to_a_new_room() {
    let world = World::new();
    let mut ann = world.reader(1, &[]);
    let mut bob = world.reader(2, &[]);
    let mut stranger = world.reader(3, &[]);
    let members = vec![member(7, 1, Active, 1), member(7, 2, Active, 1)];
    let created = Change::Created {
        members,
        by: UserId(1),
    };
    world.deliver([stored(7, position(0, 1), created), change(7, 2)]);
    ann.expect(["7: created 0.1", "7: change 0.2"]);
    bob.expect(["7: created 0.1", "7: change 0.2"]);
    stranger.expect([]);
}

#[test]
fn nobody_listens_to_a_closed_room() {
    let world = World::new();
    let mut ann = world.reader(1, &[7]);
    let closed = Change::Closed { by: UserId(1) };
    world.deliver([
        stored(7, position(0, 1), closed),
        change(7, 2),
        typing(7, 2),
    ]);
    ann.expect(["7: closed 0.1"]);
}

#[test]
fn a_session_that_chooses_its_rooms_does_not_follow_memberships() {
    let world = World::new();
    let mut chooser = world.link();
    let attachment = Attachment {
        follow: Follow::Chosen,
        ..world.attachment(1)
    };
    chooser.link.attach(attachment).expect("there is room");
    chooser.go_live(&[7]);
    world.deliver([
        membership(8, 1, Active, 1),
        change(8, 2),
        membership(7, 1, Left, 1),
        change(7, 2),
    ]);
    chooser.expect(["7: Left 1 0.1"]);
}

#[test]
fn an_open_room_is_left_by_members_and_read_by_choice() {
    let world = World::new();
    let mut member_of = world.reader(1, &[7]);
    let mut chooser = world.link();
    let attachment = Attachment {
        follow: Follow::Chosen,
        ..world.attachment(1)
    };
    chooser.link.attach(attachment).expect("there is room");
    chooser.go_live(&[7]);
    world.deliver([open(membership(7, 1, Left, 1)), open(change(7, 2))]);
    member_of.expect(["7: Left 1 0.1"]);
    chooser.expect(["7: Left 1 0.1", "7: change 0.2"]);
    world.deliver([open(membership(7, 1, Banned, 3)), open(change(7, 4))]);
    chooser.expect(["7: Banned 1 0.3"]);
}

/// A connection that chose room 7, which is open, and may read it as a guest or as a member.
fn entered(world: &World, user: i64, guest: bool) -> Reader {
    let reader = world.link();
    let attachment = Attachment {
        follow: Follow::Chosen,
        ..world.attachment(user)
    };
    reader.link.attach(attachment).expect("there is room");
    let subscribed = reader.link.subscribe(RoomId(7));
    subscribed.expect("there is room for this room");
    let entered = reader
        .link
        .enter(RoomId(7), Position::START, guest, |_| Vec::new());
    assert_eq!(entered, Released::Live);
    reader
}

fn open(event: Event) -> Event {
    match event {
        Event::Room(event) => {
            let room = Arc::new(Room {
                open: true,
                ..Room::clone(&event.room)
            });
            Event::Room(RoomEvent { room, ..event })
        }
        event => event,
    }
}

#[test]
fn guests_leave_when_the_room_is_open_no_longer_and_members_stay() {
    let world = World::new();
    let mut guest = entered(&world, 1, true);
    let mut member = entered(&world, 2, false);
    world.deliver([open(change(7, 1)), change(7, 2), change(7, 3)]);
    guest.expect(["7: change 0.1", "7: change 0.2"]);
    member.expect(["7: change 0.1", "7: change 0.2", "7: change 0.3"]);
    assert!(!guest.link.listens_to(RoomId(7)));
    assert!(member.link.listens_to(RoomId(7)));
}

#[test]
fn a_guest_becomes_a_member_and_a_member_a_guest() {
    let world = World::new();
    let mut joins = entered(&world, 1, true);
    let mut leaves = entered(&world, 2, false);
    world.deliver([
        open(membership(7, 1, Active, 1)),
        open(membership(7, 2, Left, 2)),
        change(7, 3),
        change(7, 4),
    ]);
    let said = ["7: Active 1 0.1", "7: Left 2 0.2", "7: change 0.3"];
    leaves.expect(said);
    assert_eq!(joins.read(), [said.as_slice(), &["7: change 0.4"]].concat());
}

#[test]
fn who_enters_while_the_room_is_shut_does_not_get_in_by_what_was_asked_before() {
    // What happened since the store was asked, and whether the user, a guest or a member by then,
    // gets in.
    let log: [(Vec<Event>, bool, bool); 6] = [
        (vec![change(7, 1)], true, false),
        (vec![change(7, 1)], false, true),
        (vec![open(change(7, 1))], true, true),
        (
            vec![open(membership(7, 1, Left, 1)), change(7, 2)],
            false,
            false,
        ),
        (
            vec![open(membership(7, 1, Active, 1)), change(7, 2)],
            true,
            false,
        ),
        (vec![open(membership(7, 1, Banned, 1))], true, false),
    ];
    for (number, (events, guest, gets_in)) in log.into_iter().enumerate() {
        let world = World::new();
        let reader = world.link();
        let attachment = Attachment {
            follow: Follow::Chosen,
            ..world.attachment(1)
        };
        reader.link.attach(attachment).expect("there is room");
        let subscribed = reader.link.subscribe(RoomId(7));
        subscribed.expect("there is room for this room");
        world.deliver(events);
        let entered = reader
            .link
            .enter(RoomId(7), Position::START, guest, |_| Vec::new());
        assert_eq!(entered == Released::Live, gets_in, "{number}");
        assert_eq!(reader.link.listens_to(RoomId(7)), gets_in, "{number}");
    }
}

#[test]
fn a_leave_between_asking_and_listening_is_not_missed() {
    let world = World::new();
    let mut chooser = world.link();
    let attachment = Attachment {
        follow: Follow::Chosen,
        ..world.attachment(1)
    };
    chooser.link.attach(attachment).expect("there is room");
    chooser
        .link
        .subscribe(RoomId(7))
        .expect("there is room for this room");
    // The store said yes at 0.1; the ban came right after it.
    world.deliver([change(7, 1), membership(7, 1, Banned, 2), change(7, 3)]);
    assert_eq!(
        chooser.link.go_live(&[(RoomId(7), position(0, 1))], &[]),
        []
    );
    world.deliver([change(7, 4)]);
    chooser.expect(["7: Banned 1 0.2"]);
}

#[test]
fn a_login_as_somebody_else_listens_to_no_room_of_the_former_user() {
    const LOGINS: usize = 20_000;
    let (ann, bob) = (UserId(1), 2);
    let world = World::new();
    let reader = world.reader(ann.0, &[]);
    let (link, core) = (&reader.link, &reader.link.core);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                core.enlist_member(RoomId(7), ann, 10);
            }
        });
        let mut strays = 0;
        for _ in 0..LOGINS {
            link.attach(world.attachment(bob)).expect("there is room");
            strays += core.rooms().len();
            link.attach(world.attachment(ann.0)).expect("there is room");
        }
        done.store(true, Ordering::Relaxed);
        assert_eq!(strays, 0, "one user listens to a room of another");
    });
}

/// The steps of a login, of the store and of the deliveries, in every possible order.
struct Race {
    /// What happens in the room, in order: a membership change of user 1, or something else.
    log: Vec<Option<MembershipState>>,
    member_at_first: bool,
}

/// One order of things, while it is tried, in a room of its own.
struct Trial<'a> {
    race: &'a Race,
    world: &'a World,
    room: i64,
    reader: Reader,
    committed: usize,
    delivered: usize,
    logged_in: usize,
    first_read: Vec<RoomId>,
    heads: Vec<(RoomId, Position)>,
    /// How much was committed at the second reading.
    known: usize,
    got: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Commit,
    Deliver,
    Login,
}

const LOGIN_STEPS: usize = 5;

impl Race {
    fn is_member(&self, after: usize) -> bool {
        let states = self.log[..after].iter().rev().flatten();
        states
            .map(|state| *state == Active)
            .next()
            .unwrap_or(self.member_at_first)
    }

    /// Whether this event is for the user: sent while a member, or the join or leave itself.
    fn is_for_user(&self, event: usize) -> bool {
        self.is_member(event) || self.is_member(event + 1)
    }

    fn event(&self, room: i64, event: usize) -> Event {
        let revision = event as i64 + 1;
        match self.log[event] {
            Some(state) => membership(room, 1, state, revision),
            None => change(room, revision),
        }
    }

    /// Tries every order; returns how many there were.
    fn check(&self) -> i64 {
        let mut tried = 0;
        self.extend(&World::new(), &mut Vec::new(), (0, 0, 0), &mut tried);
        tried
    }

    fn extend(
        &self,
        world: &World,
        steps: &mut Vec<Step>,
        done: (usize, usize, usize),
        tried: &mut i64,
    ) {
        let (committed, delivered, logged_in) = done;
        if done == (self.log.len(), self.log.len(), LOGIN_STEPS) {
            *tried += 1;
            self.check_one(world, *tried, steps);
            return;
        }
        let mut go = |step, done| {
            steps.push(step);
            self.extend(world, steps, done, tried);
            steps.pop();
        };
        if committed < self.log.len() {
            go(Step::Commit, (committed + 1, delivered, logged_in));
        }
        if delivered < committed {
            go(Step::Deliver, (committed, delivered + 1, logged_in));
        }
        if logged_in < LOGIN_STEPS {
            go(Step::Login, (committed, delivered, logged_in + 1));
        }
    }

    fn check_one(&self, world: &World, room: i64, steps: &[Step]) {
        let mut trial = Trial {
            race: self,
            world,
            room,
            reader: world.link(),
            committed: 0,
            delivered: 0,
            logged_in: 0,
            first_read: Vec::new(),
            heads: Vec::new(),
            known: 0,
            got: Vec::new(),
        };
        steps.iter().for_each(|step| trial.go(*step));
        trial.judge(steps);
    }
}

impl Trial<'_> {
    fn go(&mut self, step: Step) {
        match step {
            Step::Commit => self.committed += 1,
            Step::Deliver => {
                self.world
                    .deliver([self.race.event(self.room, self.delivered)]);
                self.delivered += 1;
            }
            Step::Login => {
                self.login();
                self.logged_in += 1;
            }
        }
        for word in self.reader.read() {
            let revision = word
                .rsplit('.')
                .next()
                .and_then(|revision| revision.parse().ok());
            self.got
                .push(revision.unwrap_or_else(|| panic!("unexpected {word}")));
        }
    }

    fn login(&mut self) {
        let link = &self.reader.link;
        match self.logged_in {
            0 => link
                .attach(self.world.attachment(1))
                .expect("there is room"),
            1 => {
                let rooms = self
                    .race
                    .is_member(self.committed)
                    .then_some(RoomId(self.room));
                self.first_read = rooms.into_iter().collect();
            }
            2 => {
                for room in &self.first_read {
                    link.subscribe(*room).expect("there is room for this room");
                }
            }
            3 => {
                self.known = self.committed;
                if self.race.is_member(self.committed) {
                    self.heads = vec![(RoomId(self.room), position(0, self.committed as i64))];
                }
            }
            _ => assert_eq!(link.go_live(&self.heads, &[]), []),
        }
    }

    fn judge(&self, steps: &[Step]) {
        let steps: String = steps
            .iter()
            .map(|step| match step {
                Step::Commit => 'c',
                Step::Deliver => 'd',
                Step::Login => 'L',
            })
            .collect();
        let got = &self.got;
        let steps = format!("{:?} {steps}", self.race.log);
        assert!(
            got.is_sorted_by(|one, next| one < next),
            "{steps}: {got:?} is out of order"
        );
        for revision in got {
            assert!(
                self.race.is_for_user(revision - 1),
                "{steps}: {revision} is not for the user"
            );
            let repeated = !self.heads.is_empty() && *revision <= self.known;
            assert!(!repeated, "{steps}: {revision} was known at the login");
        }
        for event in self.known..self.race.log.len() {
            let owed = self.race.is_for_user(event);
            assert_eq!(
                got.contains(&(event + 1)),
                owed,
                "{steps}: {} in {got:?}",
                event + 1
            );
        }
    }
}

#[test]
fn every_order_of_login_and_membership_changes() {
    let join = Some(Active);
    let leave = Some(Left);
    let mut tried = 0;
    for (member_at_first, log) in [
        (false, vec![join, None, leave, None]),
        (true, vec![None, leave, None, join]),
        (true, vec![leave, join, None, leave]),
        (false, vec![join, leave, join, None]),
    ] {
        tried += Race {
            log,
            member_at_first,
        }
        .check();
    }
    // 14 orders of four commits and four deliveries, each with five steps of login among them.
    assert_eq!(tried, 4 * 14 * 1287);
}
