//! The words of an export: which lines there are, with which fields, and from
//! which columns they come (`docs/reference/export.md`). Names of fields are
//! promises; columns may change behind them.

use tertulia_domain::ports::IdKind;

/// A type of lines: one line stands for one row.
pub(crate) struct Kind {
    /// What the line says in `type`.
    pub(crate) word: &'static str,
    pub(crate) table: &'static str,
    pub(crate) fields: &'static [Field],
    /// Columns that follow from others.
    pub(crate) derived: &'static [Derived],
    /// Columns by which the lines are sorted, where not by the primary key.
    pub(crate) order: Option<&'static [&'static str]>,
    /// What a row with the same primary key must share to be the same thing.
    pub(crate) identity: &'static [&'static str],
    /// What must be there before: column, table, and the table's key.
    pub(crate) refers: &'static [(&'static str, &'static str)],
    /// Pairs of columns of which the first must not be greater.
    pub(crate) rising: &'static [(&'static str, &'static str)],
    /// The column that says whose it is.
    pub(crate) of_user: Option<&'static str>,
}

/// A field of a line.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) column: &'static str,
    pub(crate) form: Form,
    /// Left out when there is nothing.
    pub(crate) optional: bool,
}

/// A column that no field shows.
pub(crate) enum Derived {
    /// The lower-cased form of another column.
    Folded(&'static str, &'static str),
    /// Counted when all is imported.
    Zero(&'static str),
}

/// How a value is written.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    /// An id as text, below the next one of its kind.
    Id(IdKind),
    /// A number from zero on.
    Number,
    /// A 64-bit number as text, since it may be greater than 2^53.
    Whole,
    /// RFC 3339 in UTC with microseconds, or `never`.
    Time,
    /// A UUID as text.
    Uuid,
    /// Text of at most so many characters.
    Text(usize),
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(&'static [(&'static str, i64)]),
    /// A JSON object.
    Object,
    /// Where a blob is kept.
    BlobKey,
    /// A media type that files may have.
    FileType,
}

const fn field(name: &'static str, column: &'static str, form: Form) -> Field {
    Field {
        name,
        column,
        form,
        optional: false,
    }
}

const fn maybe(name: &'static str, column: &'static str, form: Form) -> Field {
    Field {
        name,
        column,
        form,
        optional: true,
    }
}

const USER: Form = Form::Id(IdKind::User);
const ROOM: Form = Form::Id(IdKind::Room);
const MESSAGE: Form = Form::Id(IdKind::Message);
const FILE: Form = Form::Id(IdKind::File);
/// As long as every database can index.
const NAME: Form = Form::Text(512);
/// Bounded by the length of a line.
const LONG: Form = Form::Text(usize::MAX);

const USER_STATES: Form = Form::Word(&[("active", 0), ("suspended", 1), ("deleted", 2)]);
const ROOM_KINDS: Form = Form::Word(&[("direct", 0), ("group", 1), ("channel", 2)]);
const VISIBILITIES: Form = Form::Word(&[("private", 0), ("public", 1)]);
const ROLES: Form = Form::Word(&[("member", 0), ("admin", 1), ("owner", 2)]);
const MEMBER_STATES: Form =
    Form::Word(&[("active", 0), ("pending", 1), ("left", 2), ("banned", 3)]);
const MESSAGE_KINDS: Form = Form::Word(&[
    ("text", 0),
    ("image", 1),
    ("file", 2),
    ("audio", 3),
    ("video", 4),
    ("system", 5),
]);
const RECEIPT_KINDS: Form = Form::Word(&[("delivered", 0), ("read", 1)]);

/// What a kind is without anything special.
const PLAIN: Kind = Kind {
    word: "",
    table: "",
    fields: &[],
    derived: &[],
    order: None,
    identity: &[],
    refers: &[],
    rising: &[],
    of_user: None,
};

/// Ids of these kinds are in the first line, with their words.
pub(crate) const NEXT_IDS: &[(&str, IdKind)] = &[
    ("user", IdKind::User),
    ("room", IdKind::Room),
    ("message", IdKind::Message),
    ("session", IdKind::Session),
    ("file", IdKind::File),
];

/// Every type of lines, in the order in which they come: what is referred to
/// comes first.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        word: "user",
        table: "users",
        fields: &[
            field("id", "id", USER),
            field("uuid", "uuid", Form::Uuid),
            field("username", "username", NAME),
            field("handle", "handle", NAME),
            field("display_name", "display_name", NAME),
            maybe("email", "email", NAME),
            maybe("external_id", "external_id", NAME),
            maybe("avatar_url", "avatar_url", LONG),
            field("state", "state", USER_STATES),
            maybe("password_hash", "password_hash", NAME),
            maybe("last_seen_at", "last_seen_at", Form::Time),
            field("created_at", "created_at", Form::Time),
            field("updated_at", "updated_at", Form::Time),
            maybe("renamed_at", "renamed_at", Form::Time),
        ],
        derived: &[
            Derived::Folded("username_key", "username"),
            Derived::Folded("display_name_key", "display_name"),
            Derived::Folded("email_key", "email"),
            Derived::Zero("file_bytes"),
        ],
        identity: &["uuid"],
        of_user: Some("id"),
        ..PLAIN
    },
    Kind {
        word: "room",
        table: "rooms",
        fields: &[
            field("id", "id", ROOM),
            field("uuid", "uuid", Form::Uuid),
            field("kind", "kind", ROOM_KINDS),
            field("visibility", "visibility", VISIBILITIES),
            field("open", "open_to_all", Form::Flag),
            maybe("title", "title", LONG),
            maybe("description", "description", LONG),
            maybe("external_id", "external_id", NAME),
            maybe("created_by", "created_by", USER),
            field("created_at", "created_at", Form::Time),
            field("updated_at", "updated_at", Form::Time),
            field("updated_revision", "updated_revision", Form::Number),
            maybe("updated_by", "updated_by", USER),
            maybe("closed_at", "closed_at", Form::Time),
        ],
        identity: &["uuid"],
        refers: &[("created_by", "users"), ("updated_by", "users")],
        ..PLAIN
    },
    Kind {
        word: "position",
        table: "room_heads",
        fields: &[
            field("room", "room_id", ROOM),
            field("seq", "last_seq", Form::Number),
            field("revision", "revision", Form::Number),
            field("members_version", "members_version", Form::Number),
            maybe("last_message_at", "last_message_at", Form::Time),
        ],
        refers: &[("room_id", "rooms")],
        rising: &[("members_version", "revision")],
        ..PLAIN
    },
    Kind {
        word: "direct",
        table: "direct_rooms",
        fields: &[
            field("low_user", "low_user_id", USER),
            field("high_user", "high_user_id", USER),
            field("room", "room_id", ROOM),
        ],
        identity: &["room_id"],
        refers: &[
            ("low_user_id", "users"),
            ("high_user_id", "users"),
            ("room_id", "rooms"),
        ],
        rising: &[("low_user_id", "high_user_id")],
        ..PLAIN
    },
    Kind {
        word: "membership",
        table: "memberships",
        fields: &[
            field("room", "room_id", ROOM),
            field("user", "user_id", USER),
            field("role", "role", ROLES),
            field("state", "state", MEMBER_STATES),
            field("joined_at", "joined_at", Form::Time),
            field("since_seq", "since_seq", Form::Number),
            maybe("until_seq", "until_seq", Form::Number),
            field("delivered_seq", "delivered_seq", Form::Number),
            field("read_seq", "read_seq", Form::Number),
            field("delivered_upto", "delivered_upto", Form::Number),
            field("read_upto", "read_upto", Form::Number),
            field("revision", "revision", Form::Number),
            field("changed_by", "changed_by", USER),
        ],
        refers: &[
            ("room_id", "rooms"),
            ("user_id", "users"),
            ("changed_by", "users"),
        ],
        rising: &[("since_seq", "until_seq"), ("read_seq", "delivered_seq")],
        of_user: Some("user_id"),
        ..PLAIN
    },
    Kind {
        word: "period",
        table: "membership_periods",
        fields: &[
            field("room", "room_id", ROOM),
            field("user", "user_id", USER),
            field("since_seq", "since_seq", Form::Number),
            maybe("until_seq", "until_seq", Form::Number),
        ],
        refers: &[("room_id", "rooms"), ("user_id", "users")],
        rising: &[("since_seq", "until_seq")],
        of_user: Some("user_id"),
        ..PLAIN
    },
    Kind {
        word: "member_settings",
        table: "member_settings",
        fields: &[
            field("room", "room_id", ROOM),
            field("user", "user_id", USER),
            field("settings", "settings", Form::Object),
            field("updated_at", "updated_at", Form::Time),
        ],
        refers: &[("room_id", "rooms"), ("user_id", "users")],
        of_user: Some("user_id"),
        ..PLAIN
    },
    Kind {
        word: "invite",
        table: "invites",
        fields: &[
            field("code", "code", NAME),
            field("room", "room_id", ROOM),
            field("created_by", "created_by", USER),
            field("created_at", "created_at", Form::Time),
            field("expires_at", "expires_at", Form::Time),
            maybe("uses_left", "uses_left", Form::Number),
        ],
        identity: &["room_id"],
        refers: &[("room_id", "rooms"), ("created_by", "users")],
        of_user: Some("created_by"),
        ..PLAIN
    },
    Kind {
        word: "file",
        table: "files",
        fields: &[
            field("id", "id", FILE),
            field("uuid", "uuid", Form::Uuid),
            field("owner", "owner_id", USER),
            field("name", "name", LONG),
            field("content_type", "content_type", Form::FileType),
            field("size", "size", Form::Number),
            maybe("width", "width", Form::Number),
            maybe("height", "height", Form::Number),
            maybe("thumbnail", "thumbnail", Form::FileType),
            maybe("thumbnail_size", "thumbnail_size", Form::Number),
            field("blob", "blob_key", Form::BlobKey),
            field("created_at", "created_at", Form::Time),
        ],
        identity: &["uuid"],
        refers: &[("owner_id", "users")],
        of_user: Some("owner_id"),
        ..PLAIN
    },
    Kind {
        word: "message",
        table: "messages",
        fields: &[
            field("id", "id", MESSAGE),
            field("room", "room_id", ROOM),
            field("seq", "seq", Form::Number),
            maybe("sender", "sender_id", USER),
            maybe("client_id", "client_id", Form::Text(64)),
            maybe("fingerprint", "fingerprint", Form::Whole),
            field("kind", "kind", MESSAGE_KINDS),
            field("text", "text", LONG),
            maybe("reply_to", "reply_to", MESSAGE),
            maybe("metadata", "metadata", Form::Object),
            field("created_at", "created_at", Form::Time),
            maybe("edited_at", "edited_at", Form::Time),
            maybe("deleted_at", "deleted_at", Form::Time),
            field("revision", "revision", Form::Number),
        ],
        order: Some(&["room_id", "seq"]),
        identity: &["room_id", "seq"],
        refers: &[
            ("room_id", "rooms"),
            ("sender_id", "users"),
            ("reply_to", "messages"),
        ],
        of_user: Some("sender_id"),
        ..PLAIN
    },
    Kind {
        word: "message_file",
        table: "message_files",
        fields: &[
            field("message", "message_id", MESSAGE),
            field("place", "place", Form::Number),
            field("file", "file_id", FILE),
            field("room", "room_id", ROOM),
        ],
        identity: &["file_id"],
        refers: &[
            ("message_id", "messages"),
            ("file_id", "files"),
            ("room_id", "rooms"),
        ],
        ..PLAIN
    },
    Kind {
        word: "change",
        table: "message_changes",
        fields: &[
            field("room", "room_id", ROOM),
            field("revision", "revision", Form::Number),
            field("message", "message_id", MESSAGE),
            field("seq", "seq", Form::Number),
            field("changed_by", "changed_by", USER),
        ],
        identity: &["message_id"],
        refers: &[
            ("room_id", "rooms"),
            ("message_id", "messages"),
            ("changed_by", "users"),
        ],
        ..PLAIN
    },
    Kind {
        word: "reaction",
        table: "reactions",
        fields: &[
            field("message", "message_id", MESSAGE),
            field("user", "user_id", USER),
            field("emoji", "emoji", Form::Text(64)),
            field("active", "active", Form::Flag),
            field("changed_at", "changed_at", Form::Time),
            field("room", "room_id", ROOM),
            field("seq", "seq", Form::Number),
            field("revision", "revision", Form::Number),
        ],
        refers: &[
            ("message_id", "messages"),
            ("user_id", "users"),
            ("room_id", "rooms"),
        ],
        of_user: Some("user_id"),
        ..PLAIN
    },
    Kind {
        word: "receipt",
        table: "receipts",
        fields: &[
            field("room", "room_id", ROOM),
            field("user", "user_id", USER),
            field("kind", "kind", RECEIPT_KINDS),
            field("from_seq", "from_seq", Form::Number),
            field("to_seq", "to_seq", Form::Number),
            field("marked_at", "marked_at", Form::Time),
            field("revision", "revision", Form::Number),
        ],
        refers: &[("room_id", "rooms"), ("user_id", "users")],
        rising: &[("from_seq", "to_seq")],
        of_user: Some("user_id"),
        ..PLAIN
    },
    Kind {
        word: "hidden",
        table: "hidden_messages",
        fields: &[
            field("room", "room_id", ROOM),
            field("user", "user_id", USER),
            field("seq", "seq", Form::Number),
            field("message", "message_id", MESSAGE),
            field("revision", "revision", Form::Number),
        ],
        identity: &["message_id"],
        refers: &[
            ("room_id", "rooms"),
            ("user_id", "users"),
            ("message_id", "messages"),
        ],
        of_user: Some("user_id"),
        ..PLAIN
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::tables;

    /// What no export has: logins, what is under way, what belongs to one
    /// database, and what the first line says.
    const LEFT_OUT: &[&str] = &[
        "doomed_blobs",
        "id_blocks",
        "outbox",
        "sessions",
        "settings",
        "spent_refresh_tokens",
        "unpaired_sends",
        "upload_parts",
        "uploads",
    ];

    /// Whoever adds a table or a column decides here whether it is exported.
    #[tokio::test]
    async fn every_column_is_in_an_export_or_left_out_on_purpose() {
        for table in tables::all().await.expect("the schema") {
            let Some(kind) = KINDS.iter().find(|kind| kind.table == table.name) else {
                assert!(LEFT_OUT.contains(&&*table.name), "{}", table.name);
                continue;
            };
            let shown = kind.fields.iter().map(|field| field.column);
            let derived = kind.derived.iter().map(|derived| match derived {
                Derived::Folded(column, _) | Derived::Zero(column) => *column,
            });
            let mut columns: Vec<_> = shown.chain(derived).collect();
            columns.sort_unstable();
            let mut expected = table.columns.clone();
            expected.sort_unstable();
            assert_eq!(columns, expected, "{}", table.name);
        }
    }

    #[test]
    fn the_reference_names_every_type_and_field() {
        let page = include_str!("../../../../docs/reference/export.md");
        for kind in KINDS {
            let heading = format!("\n### `{}`\n", kind.word);
            let (_, section) = page.split_once(&heading).expect(kind.word);
            let section = section.split("\n#").next().unwrap_or_default();
            for Field { name, optional, .. } in kind.fields {
                let row = section
                    .lines()
                    .find(|line| line.starts_with(&format!("| `{name}` |")));
                let row = row.unwrap_or_else(|| panic!("{name} of {}", kind.word));
                assert_eq!(row.ends_with("(may be missing) |"), *optional, "{row}");
            }
        }
    }

    #[test]
    fn what_is_referred_to_comes_first() {
        for (place, kind) in KINDS.iter().enumerate() {
            for (column, table) in kind.refers {
                let before = KINDS.iter().take(place + 1);
                assert!(
                    before.clone().any(|kind| kind.table == *table),
                    "{column} of {}",
                    kind.word
                );
            }
        }
    }
}
