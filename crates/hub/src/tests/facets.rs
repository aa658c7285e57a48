//! Facets: what a connection is told in general and in each room.

use super::*;
use crate::Facet;
use tertulia_domain::event::Visit;

const PLAIN: Facet = 0;
const LOUD: Facet = 1;
const DEAF: Facet = 2;

/// A wire form that says an event plainly, loudly, or not at all.
#[derive(Clone, Default)]
struct Moods(Arc<AtomicUsize>);

impl Codec for Moods {
    fn encode(&self, event: &Event) -> Encoded {
        self.encode_facet(event, PLAIN)
    }

    fn facets(&self) -> Facet {
        3
    }

    fn encode_facet(&self, event: &Event, facet: Facet) -> Encoded {
        self.0.fetch_add(1, Ordering::Relaxed);
        match facet {
            LOUD => Encoded::Text(word(event).to_uppercase()),
            DEAF => Encoded::Skip,
            _ => Encoded::Text(word(event)),
        }
    }
}

fn world() -> (World, Moods) {
    let (moods, words) = (Moods::default(), Words::default());
    let mut codecs = Codecs::default();
    let plain = codecs.add(moods.clone());
    let other = codecs.add(words.clone());
    let hub = Hub::new(HubSettings::default(), codecs);
    let world = World {
        hub,
        words,
        plain,
        other,
    };
    (world, moods)
}

#[test]
fn an_event_is_encoded_once_for_each_facet_that_is_used() {
    let (world, moods) = world();
    let mut plain: Vec<_> = (1..=5).map(|user| world.reader(user, &[7])).collect();
    let mut loud: Vec<_> = (6..=9).map(|user| world.reader(user, &[7])).collect();
    for reader in &loud {
        assert!(reader.link.change_facet(RoomId(7), |_| LOUD));
    }
    world.deliver([change(7, 1)]);
    for reader in &mut plain {
        reader.expect(["7: change 0.1"]);
    }
    for reader in &mut loud {
        reader.expect(["7: CHANGE 0.1"]);
    }
    assert_eq!(moods.0.load(Ordering::Relaxed), 2);
}

#[test]
fn a_facet_without_words_moves_on_all_the_same() {
    let (world, _) = world();
    let mut reader = world.reader(1, &[7]);
    reader.link.change_facet(RoomId(7), |_| DEAF);
    world.deliver([change(7, 1)]);
    reader.link.change_facet(RoomId(7), |_| PLAIN);
    world.deliver([change(7, 1), change(7, 2)]);
    reader.expect(["7: change 0.2"]);
}

#[test]
fn a_connections_facet_holds_in_all_rooms_and_in_those_to_come() {
    let (world, _) = world();
    let mut reader = world.reader(1, &[7, 8]);
    assert!(reader.link.change_facet(RoomId(8), |_| DEAF));
    reader
        .link
        .change_facets(|facet| if facet == DEAF { DEAF } else { LOUD });
    world.deliver([
        change(7, 1),
        change(8, 1),
        membership(9, 1, MembershipState::Active, 1),
        change(9, 2),
    ]);
    reader.expect(["7: CHANGE 0.1", "9: ACTIVE 1 0.1", "9: CHANGE 0.2"]);
    assert!(!reader.link.change_facet(RoomId(10), |_| LOUD), "not there");

    reader
        .link
        .attach(world.attachment(1))
        .expect("there is room");
    reader.go_live(&[7]);
    world.deliver([change(7, 2)]);
    reader.expect(["7: change 0.2"]);
}

#[test]
fn other_wire_forms_keep_their_one_facet() {
    let (world, _) = world();
    let mut other = world.link();
    let attachment = Attachment {
        codec: world.other,
        ..world.attachment(2)
    };
    other.link.attach(attachment).expect("there is room");
    other.go_live(&[7]);
    world.deliver([change(7, 1)]);
    other.expect(["7: change 0.1"]);
    assert_eq!(world.words.asked.load(Ordering::Relaxed), 1);
}

#[test]
#[should_panic(expected = "the codec has no facet 3")]
fn nobody_is_told_in_another_codecs_form() {
    let (world, _) = world();
    let reader = world.reader(1, &[7]);
    reader.link.change_facet(RoomId(7), |_| 3);
}

#[test]
fn a_visit_is_told_to_all_but_the_connection_itself() {
    let (world, _) = world();
    let (mut phone, mut laptop) = (world.reader(1, &[7]), world.reader(1, &[7]));
    let mut other = world.reader(2, &[7]);
    world.deliver([Event::Visit(Visit {
        room: room(7),
        user: profile(1),
        on: true,
        connection: phone.link.id(),
    })]);
    phone.expect([]);
    laptop.expect(["7: 1 visits"]);
    other.expect(["7: 1 visits"]);
}
