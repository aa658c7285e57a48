//! Who may do what, as one table: a change of any rule shows here.

use std::sync::Arc;

use tertulia_domain::file::{BlobKey, FileType};
use tertulia_domain::policy::{self, Authority, FileAuthority};
use tertulia_domain::{
    File, FileId, Membership, MembershipState, Message, MessageId, MessageKind, Metadata, Revision,
    Role, Room, RoomId, RoomKind, Seq, Timestamp, UserId, Visibility,
};
use uuid::Uuid;

const ACTOR: UserId = UserId(1);
const OTHER: UserId = UserId(2);

fn room(kind: RoomKind, visibility: Visibility, open: bool) -> Room {
    Room {
        id: RoomId(1),
        uuid: Uuid::nil(),
        kind,
        visibility,
        open,
        title: None,
        description: None,
        external_id: None,
        created_by: None,
        created_at: Timestamp::from_secs(0),
        updated_at: Timestamp::from_secs(0),
    }
}

fn membership(user: UserId, role: Role, state: MembershipState) -> Membership {
    Membership {
        room: RoomId(1),
        user,
        role,
        state,
        joined_at: Timestamp::from_secs(0),
        since: Seq::ZERO,
        until: None,
        delivered_seq: Seq::ZERO,
        read_seq: Seq::ZERO,
        revision: Revision(1),
    }
}

fn message(sender: UserId) -> Message {
    Message {
        id: MessageId(1),
        uuid: Uuid::nil(),
        room: RoomId(1),
        seq: Seq(1),
        sender: Some(sender),
        client_id: None,
        kind: MessageKind::Text,
        text: "hola".to_owned(),
        reply_to: None,
        metadata: Metadata::default(),
        files: Vec::new(),
        reactions: Vec::new(),
        created_at: Timestamp::from_secs(0),
        edited_at: None,
        deleted_at: None,
        revision: Revision::ZERO,
    }
}

/// One row: what somebody of this standing may do in this room.
fn row(room: &Room, own: Option<Membership>) -> String {
    let authority = Authority {
        room: Arc::new(room.clone()),
        version: Revision(1),
        membership: own,
    };
    let member = membership(OTHER, Role::Member, MembershipState::Active);
    let admin = membership(OTHER, Role::Admin, MembershipState::Active);
    let banned = membership(OTHER, Role::Member, MembershipState::Banned);
    let mut allowed = Vec::new();
    let mut note = |name: &'static str, yes: bool| allowed.extend(yes.then_some(name));
    note("look", policy::may_look(&authority).is_ok());
    note("read", policy::may_read(&authority, ACTOR).is_ok());
    note("speak", policy::may_speak(&authority, ACTOR).is_ok());
    note("react", policy::may_react(&authority, ACTOR).is_ok());
    note("signal", policy::may_signal(&authority, ACTOR).is_ok());
    note(
        "edit-own",
        policy::may_edit(&authority, ACTOR, &message(ACTOR)).is_ok(),
    );
    note(
        "edit-others",
        policy::may_edit(&authority, ACTOR, &message(OTHER)).is_ok(),
    );
    note(
        "delete-own",
        policy::may_delete(&authority, ACTOR, &message(ACTOR)).is_ok(),
    );
    note(
        "delete-others",
        policy::may_delete(&authority, ACTOR, &message(OTHER)).is_ok(),
    );
    note("join", policy::may_join(&authority, ACTOR, false).is_ok());
    note(
        "join-invited",
        policy::may_join(&authority, ACTOR, true).is_ok(),
    );
    note("leave", policy::may_leave(&authority, ACTOR).is_ok());
    note("invite", policy::may_invite(&authority, ACTOR).is_ok());
    note(
        "admit",
        policy::may_admit(&authority, ACTOR, OTHER, None, Role::Member).is_ok(),
    );
    note(
        "admit-banned",
        policy::may_admit(&authority, ACTOR, OTHER, Some(&banned), Role::Member).is_ok(),
    );
    note(
        "promote",
        policy::may_admit(&authority, ACTOR, OTHER, Some(&member), Role::Admin).is_ok(),
    );
    note(
        "demote",
        policy::may_admit(&authority, ACTOR, OTHER, Some(&admin), Role::Member).is_ok(),
    );
    note(
        "remove-member",
        policy::may_remove(&authority, ACTOR, OTHER, Some(&member)).is_ok(),
    );
    note(
        "remove-admin",
        policy::may_remove(&authority, ACTOR, OTHER, Some(&admin)).is_ok(),
    );
    note("update", policy::may_update(&authority, ACTOR).is_ok());
    note("close", policy::may_close(&authority, ACTOR).is_ok());
    if allowed.is_empty() {
        "nothing".to_owned()
    } else {
        allowed.join(" ")
    }
}

#[test]
fn who_may_do_what() {
    use MembershipState::{Active, Banned, Left, Pending};
    let rooms = [
        ("direct", room(RoomKind::Direct, Visibility::Private, false)),
        (
            "private group",
            room(RoomKind::Group, Visibility::Private, false),
        ),
        (
            "public group",
            room(RoomKind::Group, Visibility::Public, false),
        ),
        (
            "open group",
            room(RoomKind::Group, Visibility::Public, true),
        ),
        (
            "channel",
            room(RoomKind::Channel, Visibility::Public, false),
        ),
    ];
    let standings = [
        ("stranger", None),
        ("pending", Some(membership(ACTOR, Role::Member, Pending))),
        ("left", Some(membership(ACTOR, Role::Owner, Left))),
        ("banned", Some(membership(ACTOR, Role::Owner, Banned))),
        ("member", Some(membership(ACTOR, Role::Member, Active))),
        ("admin", Some(membership(ACTOR, Role::Admin, Active))),
        ("owner", Some(membership(ACTOR, Role::Owner, Active))),
    ];
    let mut table = String::new();
    for (room_name, room) in &rooms {
        for (standing, membership) in &standings {
            table.push_str(&format!(
                "{room_name}, {standing}: {}\n",
                row(room, membership.clone())
            ));
        }
    }
    insta::assert_snapshot!(table, @r"
    direct, stranger: nothing
    direct, pending: nothing
    direct, left: nothing
    direct, banned: nothing
    direct, member: look read speak react signal edit-own delete-own
    direct, admin: look read speak react signal edit-own delete-own
    direct, owner: look read speak react signal edit-own delete-own
    private group, stranger: join-invited
    private group, pending: join join-invited
    private group, left: join-invited
    private group, banned: nothing
    private group, member: look read speak react signal edit-own delete-own leave invite admit
    private group, admin: look read speak react signal edit-own delete-own delete-others leave invite admit admit-banned remove-member update
    private group, owner: look read speak react signal edit-own delete-own delete-others leave invite admit admit-banned promote demote remove-member remove-admin update close
    public group, stranger: look join join-invited
    public group, pending: look join join-invited
    public group, left: look join join-invited
    public group, banned: nothing
    public group, member: look read speak react signal edit-own delete-own leave invite admit
    public group, admin: look read speak react signal edit-own delete-own delete-others leave invite admit admit-banned remove-member update
    public group, owner: look read speak react signal edit-own delete-own delete-others leave invite admit admit-banned promote demote remove-member remove-admin update close
    open group, stranger: look read speak react signal edit-own delete-own join join-invited
    open group, pending: look read speak react signal edit-own delete-own join join-invited
    open group, left: look read speak react signal edit-own delete-own join join-invited
    open group, banned: nothing
    open group, member: look read speak react signal edit-own delete-own leave invite admit
    open group, admin: look read speak react signal edit-own delete-own delete-others leave invite admit admit-banned remove-member update
    open group, owner: look read speak react signal edit-own delete-own delete-others leave invite admit admit-banned promote demote remove-member remove-admin update close
    channel, stranger: look join join-invited
    channel, pending: look join join-invited
    channel, left: look join join-invited
    channel, banned: nothing
    channel, member: look read react signal delete-own leave
    channel, admin: look read speak react signal edit-own delete-own delete-others leave invite admit admit-banned remove-member update
    channel, owner: look read speak react signal edit-own delete-own delete-others leave invite admit admit-banned promote demote remove-member remove-admin update close
    ");
}

/// A file of this owner, and how the actor stands to rooms where it is shown.
fn file_row(owner: UserId, seen_in: &[(Room, Option<Membership>)]) -> String {
    let file = File {
        id: FileId(1),
        uuid: Uuid::nil(),
        owner,
        name: "a.pdf".to_owned(),
        content_type: FileType::Pdf,
        size: 1,
        dimensions: None,
        thumbnail: None,
        key: BlobKey::new(Timestamp::from_secs(0), Uuid::nil(), FileType::Pdf),
        created_at: Timestamp::from_secs(0),
    };
    let seen_in = seen_in.iter().map(|(room, own)| Authority {
        room: Arc::new(room.clone()),
        version: Revision(1),
        membership: own.clone(),
    });
    let authority = FileAuthority {
        file: Arc::new(file),
        seen_in: seen_in.collect(),
    };
    let allowed: Vec<_> = [
        ("fetch", policy::may_fetch(&authority, ACTOR).is_ok()),
        ("attach", policy::may_attach(&authority, ACTOR).is_ok()),
        ("discard", policy::may_discard(&authority, ACTOR).is_ok()),
    ]
    .into_iter()
    .filter_map(|(name, yes)| yes.then_some(name))
    .collect();
    match allowed.is_empty() {
        true => "nothing".to_owned(),
        false => allowed.join(" "),
    }
}

#[test]
fn who_may_do_what_with_a_file() {
    use MembershipState::{Active, Banned, Left, Pending};
    let group = room(RoomKind::Group, Visibility::Private, false);
    let public = room(RoomKind::Group, Visibility::Public, false);
    let open = room(RoomKind::Group, Visibility::Public, true);
    let own = |role, state| Some(membership(ACTOR, role, state));
    let rows = [
        ("its owner", ACTOR, vec![]),
        (
            "its owner, banned where it is",
            ACTOR,
            vec![(group.clone(), own(Role::Member, Banned))],
        ),
        ("a stranger", OTHER, vec![]),
        (
            "a stranger to a private group",
            OTHER,
            vec![(group.clone(), None)],
        ),
        ("a stranger to a public group", OTHER, vec![(public, None)]),
        ("a stranger to an open group", OTHER, vec![(open, None)]),
        (
            "pending",
            OTHER,
            vec![(group.clone(), own(Role::Member, Pending))],
        ),
        ("left", OTHER, vec![(group.clone(), own(Role::Owner, Left))]),
        (
            "banned",
            OTHER,
            vec![(group.clone(), own(Role::Owner, Banned))],
        ),
        (
            "a member",
            OTHER,
            vec![(group.clone(), own(Role::Member, Active))],
        ),
        (
            "the group's owner",
            OTHER,
            vec![(group.clone(), own(Role::Owner, Active))],
        ),
        (
            "left one group, in another",
            OTHER,
            vec![
                (group.clone(), own(Role::Member, Left)),
                (group, own(Role::Member, Active)),
            ],
        ),
    ];
    let table: Vec<_> = rows
        .iter()
        .map(|(who, owner, seen_in)| format!("{who}: {}", file_row(*owner, seen_in)))
        .collect();
    insta::assert_snapshot!(table.join("\n"), @r"
    its owner: fetch attach discard
    its owner, banned where it is: fetch attach discard
    a stranger: nothing
    a stranger to a private group: nothing
    a stranger to a public group: nothing
    a stranger to an open group: fetch attach
    pending: nothing
    left: nothing
    banned: nothing
    a member: fetch attach
    the group's owner: fetch attach
    left one group, in another: fetch attach
    ");
}

#[test]
fn a_permit_remembers_the_version_it_rests_on() {
    let room = Arc::new(room(RoomKind::Group, Visibility::Private, false));
    let own = Some(membership(ACTOR, Role::Member, MembershipState::Active));
    let authority = Authority {
        room,
        version: Revision(7),
        membership: own,
    };
    let permit = policy::may_speak(&authority, ACTOR).expect("a member may speak");
    assert_eq!(
        (permit.version(), permit.actor(), permit.room().id),
        (Revision(7), ACTOR, RoomId(1))
    );
}

#[test]
fn a_group_is_entered_by_its_name_where_that_is_allowed() {
    let named = |name: Option<&str>| Room {
        external_id: name.map(str::to_owned),
        ..room(RoomKind::Group, Visibility::Private, false)
    };
    let enter = |room: Room, own: Option<MembershipState>, allowed| {
        let authority = Authority {
            room: Arc::new(room),
            version: Revision(1),
            membership: own.map(|state| membership(ACTOR, Role::Member, state)),
        };
        policy::may_join_by_name(&authority, ACTOR, allowed).is_ok()
    };
    assert!(enter(named(Some("grupo_1")), None, true));
    let left = Some(MembershipState::Left);
    assert!(enter(named(Some("grupo_1")), left, true));
    assert!(!enter(named(Some("grupo_1")), None, false), "not allowed");
    let banned = Some(MembershipState::Banned);
    assert!(!enter(named(Some("grupo_1")), banned, true));
    assert!(!enter(named(None), None, true), "it has no name");
    assert!(!enter(named(Some("17")), None, true), "a user's own room");
    assert!(policy::may_make_by_name(true).is_ok());
    assert!(policy::may_make_by_name(false).is_err());
}
