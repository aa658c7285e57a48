//! The writer over a store that commits when the test says so.

use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{sleep, sleep_until};
use uuid::Uuid;

use super::*;
use crate::event::{CatchUp, CatchUpCursor};
use crate::message::NewMessage;
use crate::policy::{Authority, MayInvite, MayRead};
use crate::ports::{Heads, MessagePage, ReadStore, RoomPage, ShownMessages, Subscription};
use crate::receipt::{MessageReceipt, Readers, Reading};
use crate::room::{Invite, Member, RoomSummary};
use crate::{
    Draft, Membership, MembershipState, Message, MessageId, MessageKind, Metadata, Role, RoomId,
    RoomKind, Seq, Timestamp, UserId, Visibility,
};

/// Numbers messages as a store does, but only in memory.
struct Ledger {
    gate: Semaphore,
    begun: Semaphore,
    /// Takes a batch and gives no answer while it may wait.
    is_away: AtomicBool,
    members_version: Mutex<Revision>,
    batches: Mutex<Vec<Vec<String>>>,
    seq: Mutex<Seq>,
}

impl Ledger {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            gate: Semaphore::new(0),
            begun: Semaphore::new(0),
            is_away: AtomicBool::new(false),
            members_version: Mutex::new(Revision(1)),
            batches: Mutex::default(),
            seq: Mutex::new(Seq::ZERO),
        })
    }

    /// Lets one commit through.
    fn open(&self) {
        self.gate.add_permits(1);
    }

    /// Waits until a commit has begun.
    async fn begun(&self) {
        self.begun.acquire().await.expect("never closed").forget();
    }

    fn append(&self, permit: &MaySpeak, new: &NewMessage) -> Result<Outcome, StoreError> {
        if permit.version() != *self.members_version.lock() {
            return Err(StoreError::Stale);
        }
        let mut seq = self.seq.lock();
        *seq = seq.next();
        let at = Position {
            seq: *seq,
            revision: permit.version(),
        };
        Ok(Outcome::Appended {
            message: Arc::new(stored(new, *seq)),
            at,
        })
    }
}

#[async_trait]
impl WriteStore for Ledger {
    async fn commit(
        &self,
        commands: Arc<Vec<Command>>,
        begin_by: Instant,
    ) -> Vec<Result<Outcome, StoreError>> {
        self.begun.add_permits(1);
        if self.is_away.load(Ordering::Relaxed) {
            sleep_until(begin_by).await;
            let away = || Err(Error::unavailable("the database does not answer").into());
            return commands.iter().map(|_| away()).collect();
        }
        self.gate.acquire().await.expect("never closed").forget();
        let mut batch = Vec::new();
        let mut held_up = false;
        let outcomes = commands.iter().map(|command| {
            let Command::Append { permit, message } = command else {
                return Ok(Outcome::Unchanged);
            };
            batch.push(message.draft.text.clone());
            let outcome = match held_up {
                true => Err(StoreError::Stale),
                false => self.append(permit, message),
            };
            held_up |= matches!(outcome, Err(StoreError::Stale));
            outcome
        });
        let outcomes = outcomes.collect();
        self.batches.lock().push(batch);
        outcomes
    }
}

/// The writer asks only for authority.
#[async_trait]
impl ReadStore for Ledger {
    async fn authority(&self, _: RoomKey, user: UserId) -> Result<Option<Authority>> {
        Ok(Some(authority(user, *self.members_version.lock())))
    }
    async fn membership(&self, _: &MayRead, _: UserId) -> Result<Option<Membership>, StoreError> {
        unreachable!()
    }
    async fn room_named(&self, _: &str) -> Result<Option<RoomId>> {
        unreachable!()
    }
    async fn direct_room(&self, _: UserId, _: UserId) -> Result<Option<Room>> {
        unreachable!()
    }
    async fn message_place(&self, _: MessageId) -> Result<Option<(RoomId, Seq)>> {
        unreachable!()
    }
    async fn heads(&self, _: UserId, _: usize) -> Result<Heads> {
        unreachable!()
    }
    async fn rooms_of(&self, _: UserId, _: RoomPage) -> Result<Vec<RoomSummary>> {
        unreachable!()
    }
    async fn public_rooms(&self, _: UserId, _: RoomPage) -> Result<Vec<RoomSummary>> {
        unreachable!()
    }
    async fn room_summary(&self, _: &MayRead) -> Result<RoomSummary, StoreError> {
        unreachable!()
    }
    async fn members(
        &self,
        _: &MayRead,
        _: Option<UserId>,
        _: usize,
    ) -> Result<Vec<Member>, StoreError> {
        unreachable!()
    }
    async fn public_rooms_by_number(&self, _: usize, _: usize) -> Result<Vec<Room>> {
        unreachable!()
    }

    async fn newest_messages(
        &self,
        _: &MayRead,
        _: usize,
        _: usize,
    ) -> Result<Vec<Message>, StoreError> {
        unreachable!()
    }

    async fn members_of_rooms(
        &self,
        _: Option<UserId>,
        _: &[RoomId],
        _: usize,
    ) -> Result<Vec<Member>> {
        unreachable!()
    }
    async fn message(&self, _: &MayRead, _: MessageId) -> Result<Option<Message>, StoreError> {
        unreachable!()
    }
    async fn messages(&self, _: &MayRead, _: MessagePage) -> Result<Vec<Message>, StoreError> {
        unreachable!()
    }
    async fn message_id(&self, _: Uuid) -> Result<Option<MessageId>> {
        unreachable!()
    }
    async fn message_by_uuid(&self, _: &MayRead, _: Uuid) -> Result<Option<Message>, StoreError> {
        unreachable!()
    }
    async fn messages_by_id(
        &self,
        _: &MayRead,
        _: &[MessageId],
    ) -> Result<Vec<Message>, StoreError> {
        unreachable!()
    }
    async fn shown_messages(&self, _: &MayRead, _: i64) -> Result<ShownMessages, StoreError> {
        unreachable!()
    }
    async fn readings_of_rooms(&self, _: UserId, _: &[RoomId], _: usize) -> Result<Vec<Reading>> {
        unreachable!()
    }
    async fn readers(
        &self,
        _: &MayRead,
        _: &[(Seq, Option<UserId>)],
    ) -> Result<Vec<Readers>, StoreError> {
        unreachable!()
    }
    async fn member_settings(&self, _: UserId, _: &[RoomId]) -> Result<Vec<(RoomId, Metadata)>> {
        unreachable!()
    }
    async fn set_member_settings(
        &self,
        _: &MayRead,
        _: Metadata,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn receipts(
        &self,
        _: &MayRead,
        _: MessageId,
        _: Option<UserId>,
        _: usize,
    ) -> Result<Vec<MessageReceipt>, StoreError> {
        unreachable!()
    }
    async fn catch_up(
        &self,
        _: &MayRead,
        _: CatchUpCursor,
        _: usize,
    ) -> Result<CatchUp, StoreError> {
        unreachable!()
    }
    async fn create_invite(&self, _: &MayInvite, _: Invite) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn invite(&self, _: &str, _: Timestamp) -> Result<Option<Invite>> {
        unreachable!()
    }
}

/// Remembers what was published, and wakes who waits for it.
#[derive(Default)]
struct Wire(Mutex<Vec<Position>>, Notify);

#[async_trait]
impl Bus for Wire {
    async fn publish(&self, events: Vec<Arc<Event>>) {
        for event in events {
            if let Event::Room(event) = &*event {
                self.0.lock().push(event.at);
            }
        }
        self.1.notify_one();
    }

    fn subscribe(&self) -> Subscription {
        mpsc::channel(1).1
    }
}

fn profile() -> Arc<Profile> {
    Arc::new(Profile {
        id: UserId(1),
        uuid: Uuid::nil(),
        username: "ines".to_owned(),
        handle: "1".to_owned(),
        display_name: "Inés".to_owned(),
        avatar_url: None,
    })
}

fn authority(user: UserId, version: Revision) -> Authority {
    let room = Room {
        id: RoomId(1),
        uuid: Uuid::nil(),
        kind: RoomKind::Group,
        visibility: Visibility::Private,
        open: false,
        title: None,
        description: None,
        external_id: None,
        created_by: None,
        created_at: Timestamp::from_secs(0),
        updated_at: Timestamp::from_secs(0),
    };
    let membership = Membership {
        room: RoomId(1),
        user,
        role: Role::Member,
        state: MembershipState::Active,
        joined_at: Timestamp::from_secs(0),
        since: Seq::ZERO,
        until: None,
        delivered_seq: Seq::ZERO,
        read_seq: Seq::ZERO,
        revision: Revision(1),
    };
    Authority {
        room: Arc::new(room),
        version,
        membership: Some(membership),
    }
}

fn append(text: &str, version: Revision) -> Command {
    let permit =
        policy::may_speak(&authority(UserId(1), version), UserId(1)).expect("a member may speak");
    let draft = Draft::text(text);
    let message = NewMessage {
        id: MessageId(1),
        draft,
        fingerprint: None,
        created_at: Timestamp::from_secs(0),
        outbox: None,
    };
    Command::Append { permit, message }
}

fn stored(new: &NewMessage, seq: Seq) -> Message {
    Message {
        id: new.id,
        uuid: Uuid::nil(),
        room: RoomId(1),
        seq,
        sender: Some(UserId(1)),
        client_id: None,
        kind: MessageKind::Text,
        text: new.draft.text.clone(),
        reply_to: None,
        metadata: Metadata::default(),
        files: Vec::new(),
        reactions: Vec::new(),
        created_at: new.created_at,
        edited_at: None,
        deleted_at: None,
        revision: Revision::ZERO,
    }
}

fn start(store: &Arc<Ledger>, limits: &Limits) -> (Writer, Arc<Wire>, JoinHandle<()>) {
    let bus = Arc::<Wire>::default();
    let authorities = Arc::new(Authorities::new(Arc::clone(store) as _));
    let (writer, task) = Writer::start(
        Arc::clone(store) as _,
        Arc::clone(&bus) as _,
        authorities,
        limits,
    );
    (writer, bus, task)
}

fn submit(writer: &Writer, command: Command) -> Result<Pending> {
    writer.submit(command, profile(), writer.begins_by())
}

fn seq_of(outcome: Result<Outcome, StoreError>) -> i64 {
    match outcome {
        Ok(Outcome::Appended { message, .. }) => message.seq.0,
        other => panic!("not appended: {other:?}"),
    }
}

#[tokio::test]
async fn what_waits_becomes_one_transaction_and_leaves_in_order() {
    let store = Ledger::new();
    let (writer, bus, task) = start(&store, &Limits::default());
    let first = submit(&writer, append("1", Revision(1))).expect("room in the queue");
    store.begun().await;
    let rest: Vec<_> = ["2", "3", "4"]
        .iter()
        .map(|text| submit(&writer, append(text, Revision(1))).expect("room in the queue"))
        .collect();
    store.open();
    store.open();
    assert_eq!(seq_of(first.outcome().await), 1);
    for (pending, seq) in rest.into_iter().zip(2..) {
        assert_eq!(seq_of(pending.outcome().await), seq);
    }
    assert_eq!(*store.batches.lock(), vec![vec!["1"], vec!["2", "3", "4"]]);
    let published: Vec<_> = bus.0.lock().iter().map(|at| at.seq.0).collect();
    assert_eq!(
        published,
        [1, 2, 3, 4],
        "published before it was answered, in order"
    );
    drop(writer);
    task.await.expect("the writer ends when nobody can submit");
}

/// Tokio runs first whom a task has woken last.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_was_published_goes_out_before_its_sender_is_answered() {
    let store = Ledger::new();
    let (writer, bus, _task) = start(&store, &Limits::default());
    let gone_out = Arc::new(AtomicBool::new(false));
    let delivers = Arc::clone(&gone_out);
    tokio::spawn(async move {
        bus.1.notified().await;
        delivers.store(true, Ordering::Relaxed);
    });
    let pending = submit(&writer, append("1", Revision(1))).expect("room in the queue");
    store.begun().await;
    let answered = tokio::spawn(async move {
        seq_of(pending.outcome().await);
        gone_out.load(Ordering::Relaxed)
    });
    store.open();
    assert!(answered.await.expect("no panic"));
}

#[tokio::test]
async fn what_is_ready_to_speak_becomes_part_of_the_transaction() {
    let store = Ledger::new();
    let (writer, _bus, _task) = start(&store, &Limits::default());
    (0..5).for_each(|_| store.open());
    let speakers: Vec<_> = (0..5)
        .map(|_| Arc::new(tokio::sync::Notify::new()))
        .collect();
    let writer = Arc::new(writer);
    let tasks: Vec<_> = (0..5)
        .map(|turn| {
            let (own, writer) = (Arc::clone(&speakers[turn]), Arc::clone(&writer));
            let next = speakers.get(turn + 1).cloned();
            tokio::spawn(async move {
                own.notified().await;
                let pending = submit(&writer, append(&turn.to_string(), Revision(1)));
                // The next one is ready only after the writer has been woken.
                if let Some(next) = next {
                    next.notify_one();
                }
                pending.expect("room in the queue").outcome().await
            })
        })
        .collect();
    tokio::task::yield_now().await;
    speakers[0].notify_one();
    for (task, seq) in tasks.into_iter().zip(1..) {
        assert_eq!(seq_of(task.await.expect("no panic")), seq);
    }
    assert_eq!(*store.batches.lock(), [["0", "1", "2", "3", "4"]]);
}

#[tokio::test]
async fn who_needs_a_moment_to_answer_is_part_of_the_transaction_too() {
    let store = Ledger::new();
    let (writer, _bus, _task) = start(&store, &Limits::default());
    (0..2).for_each(|_| store.open());
    let first = submit(&writer, append("first", Revision(1))).expect("room in the queue");
    let answer = tokio::spawn(async move {
        // As somebody does whose connection first writes and then hears.
        for _ in 0..IDLE_LOOKS - 1 {
            tokio::task::yield_now().await;
        }
        let pending = submit(&writer, append("answer", Revision(1)));
        pending.expect("room in the queue").outcome().await
    });
    assert_eq!(seq_of(first.outcome().await), 1);
    assert_eq!(seq_of(answer.await.expect("no panic")), 2);
    assert_eq!(*store.batches.lock(), [["first", "answer"]]);
}

#[tokio::test(start_paused = true)]
async fn those_who_never_stop_speaking_hold_nobody_up() {
    let store = Ledger::new();
    let (writer, _bus, _task) = start(&store, &Limits::default());
    (0..100).for_each(|_| store.open());
    let mut spoken = Vec::new();
    for number in 0..100 {
        let pending = submit(&writer, append(&number.to_string(), Revision(1)));
        spoken.push(pending.expect("room in the queue"));
        tokio::time::advance(LONGEST_LOOKS / 2).await;
    }
    for (pending, seq) in spoken.into_iter().zip(1..) {
        assert_eq!(seq_of(pending.outcome().await), seq);
    }
    let longest = store.batches.lock().iter().map(Vec::len).max();
    assert!(longest < Some(10), "{longest:?}");
}

#[tokio::test]
async fn a_stale_permit_is_renewed_without_changing_the_senders_order() {
    let store = Ledger::new();
    let (writer, bus, _task) = start(&store, &Limits::default());
    let first = submit(&writer, append("first", Revision(1))).expect("room in the queue");
    store.begun().await;
    *store.members_version.lock() = Revision(2);
    let second = submit(&writer, append("second", Revision(2))).expect("room in the queue");
    for _ in 0..3 {
        store.open();
    }
    assert_eq!(seq_of(first.outcome().await), 1);
    assert_eq!(seq_of(second.outcome().await), 2);
    assert_eq!(bus.0.lock().len(), 2);
}

#[tokio::test]
async fn a_message_with_a_newer_permit_does_not_overtake_one_that_is_renewed() {
    let store = Ledger::new();
    let (writer, _bus, _task) = start(&store, &Limits::default());
    let submit = |text, version| {
        submit(&writer, append(text, Revision(version))).expect("room in the queue")
    };
    let before = submit("before", 1);
    store.begun().await;
    // These two wait together; a change of members lay between their permits.
    let (older, newer) = (submit("older", 1), submit("newer", 2));
    store.open();
    assert_eq!(seq_of(before.outcome().await), 1);
    *store.members_version.lock() = Revision(2);
    store.open();
    store.open();
    assert_eq!(seq_of(older.outcome().await), 2);
    assert_eq!(seq_of(newer.outcome().await), 3);
    assert_eq!(
        store.batches.lock()[1..],
        [vec!["older", "newer"], vec!["older", "newer"]]
    );
}

#[tokio::test(start_paused = true)]
async fn a_command_refused_for_waiting_too_long_is_never_carried_out() {
    let store = Ledger::new();
    let (writer, bus, _task) = start(&store, &Limits::default());
    let begun = submit(&writer, append("begun", Revision(1))).expect("room in the queue");
    store.begun().await;
    let waiting = submit(&writer, append("waiting", Revision(1))).expect("room in the queue");
    // Paused time moves on by itself while every task waits.
    let refused = waiting.outcome().await;
    assert!(
        matches!(refused, Err(StoreError::Failed(Error::Unavailable(_)))),
        "{refused:?}"
    );
    let last = submit(&writer, append("last", Revision(1))).expect("room in the queue");
    store.open();
    store.open();
    assert_eq!(
        seq_of(begun.outcome().await),
        1,
        "one that has begun is answered with its outcome"
    );
    assert_eq!(seq_of(last.outcome().await), 2);
    assert_eq!(*store.batches.lock(), vec![vec!["begun"], vec!["last"]]);
    assert_eq!(bus.0.lock().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn of_commands_in_a_row_none_is_given_up_while_a_later_one_may_begin() {
    let store = Ledger::new();
    let (writer, _bus, _task) = start(&store, &Limits::default());
    let begun = submit(&writer, append("begun", Revision(1))).expect("room in the queue");
    store.begun().await;
    let mut queued = Vec::new();
    for (text, seconds) in [("earlier", 1), ("later", 3)] {
        let begins_by = Instant::now() + Duration::from_secs(seconds);
        let pending = writer.submit(append(text, Revision(1)), profile(), begins_by);
        queued.push(pending.expect("room in the queue"));
    }
    let queued = tokio::spawn(outcomes(queued));
    // Between the moments by which they are to begin.
    sleep(Duration::from_secs(2)).await;
    store.open();
    store.open();
    assert_eq!(seq_of(begun.outcome().await), 1);
    let seqs: Vec<_> = queued
        .await
        .expect("no panic")
        .into_iter()
        .map(seq_of)
        .collect();
    assert_eq!(seqs, [2, 3]);
}

/// G13: storage that takes a batch and stands still, while messages keep coming.
#[tokio::test(start_paused = true)]
async fn storage_that_stands_still_refuses_every_send_within_five_seconds() {
    let store = Ledger::new();
    store.is_away.store(true, Ordering::Relaxed);
    let (writer, bus, _task) = start(&store, &Limits::default());
    let mut sends = Vec::new();
    for number in 0..200 {
        let asked = Instant::now();
        let pending = submit(&writer, append(&number.to_string(), Revision(1)));
        let pending = pending.expect("room in the queue");
        sends.push(tokio::spawn(async move {
            let outcome = pending.outcome().await;
            (outcome, asked.elapsed())
        }));
        sleep(Duration::from_millis(70)).await;
    }
    for send in sends {
        let (outcome, waited) = send.await.expect("it is answered");
        assert!(
            matches!(outcome, Err(StoreError::Failed(Error::Unavailable(_)))),
            "{outcome:?}"
        );
        assert!(waited < Duration::from_secs(5), "{waited:?}");
    }
    assert!(bus.0.lock().is_empty());

    store.is_away.store(false, Ordering::Relaxed);
    store.open();
    let back = submit(&writer, append("back", Revision(1))).expect("room in the queue");
    assert_eq!(seq_of(back.outcome().await), 1, "service returns by itself");
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let store = Ledger::new();
    let limits = Limits {
        writer_queue: 2,
        ..Limits::default()
    };
    let (writer, _bus, _task) = start(&store, &limits);
    let _begun = submit(&writer, append("begun", Revision(1))).expect("room in the queue");
    store.begun().await;
    let _waiting: Vec<_> = (0..2)
        .map(|_| submit(&writer, append("waiting", Revision(1))).expect("room"))
        .collect();
    let refused = submit(&writer, append("one too many", Revision(1)));
    assert!(matches!(refused.err(), Some(Error::Unavailable(_))));
}

#[tokio::test]
async fn an_event_permitted_before_a_rename_carries_the_new_words_after_it() {
    let store = Ledger::new();
    let authorities = Authorities::new(Arc::clone(&store) as _);
    let before = authorities
        .get(RoomKey::Id(RoomId(1)), UserId(1))
        .await
        .expect("known");
    let event = |room: Room| RoomEvent {
        room: Arc::new(room),
        at: Position::START,
        members_version: Revision(1),
        change: Change::Updated { by: UserId(1) },
    };
    let renamed = Room {
        title: Some("Cafetal".to_owned()),
        updated_at: Timestamp::from_secs(1),
        ..(*before.room).clone()
    };
    authorities.observe(&mut event(renamed));
    let mut late = event((*before.room).clone());
    authorities.observe(&mut late);
    assert_eq!(late.room.title.as_deref(), Some("Cafetal"));
    let after = authorities
        .get(RoomKey::Id(RoomId(1)), UserId(1))
        .await
        .expect("known");
    assert_eq!(after.room.title.as_deref(), Some("Cafetal"));
}
