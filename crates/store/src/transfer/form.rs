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
    /// Where to read the rows sorted otherwise than by the primary key: what to
    /// read from, and by which columns.
    pub(crate) order: Option<(&'static str, &'static [&'static str])>,
    /// What a row with the same primary key must share to be the same thing.
    pub(crate) identity: &'static [&'static str],
    /// Pairs of columns of which the first must not be greater.
    pub(crate) rising: &'static [(&'static str, &'static str)],
    /// Which rows are exported, as a condition; none for all.
    pub(crate) only: Option<&'static str>,
    /// The column that says whose it is.
    pub(crate) of_user: Option<&'static str>,
}

impl Kind {
    /// What must be there before: columns, and the tables whose ids they hold.
    pub(crate) fn refers(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let fields = self.fields.iter().filter(|field| field.column != "id");
        fields.filter_map(|field| Some((field.column, field.form.table()?)))
    }
}

/// A field of a line.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) column: &'static str,
    pub(crate) form: Form,
    /// Left out when there is nothing.
    pub(crate) optional: bool,
    /// Left out of what one person gets.
    pub(crate) secret: bool,
}

impl Field {
    /// In a column of another name.
    const fn of(mut self, column: &'static str) -> Self {
        self.column = column;
        self
    }

    /// Left out when there is nothing.
    const fn or_none(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Left out of what one person gets.
    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
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

impl Form {
    /// The table whose ids such values are.
    fn table(self) -> Option<&'static str> {
        let Self::Id(kind) = self else { return None };
        Some(match kind {
            IdKind::User => "users",
            IdKind::Room => "rooms",
            IdKind::Message => "messages",
            IdKind::File => "files",
            IdKind::Session => "sessions",
        })
    }
}

/// In a column of the same name, and always there.
const fn field(name: &'static str, form: Form) -> Field {
    Field {
        name,
        column: name,
        form,
        optional: false,
        secret: false,
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

const UUID: Field = field("uuid", Form::Uuid);
const CREATED_AT: Field = field("created_at", Form::Time);
const UPDATED_AT: Field = field("updated_at", Form::Time);
const IN_ROOM: Field = field("room", ROOM).of("room_id");
const BY_USER: Field = field("user", USER).of("user_id");
const OF_MESSAGE: Field = field("message", MESSAGE).of("message_id");
const CHANGED_BY: Field = field("changed_by", USER);
const SEQ: Field = field("seq", Form::Number);
const SINCE_SEQ: Field = field("since_seq", Form::Number);
const UNTIL_SEQ: Field = field("until_seq", Form::Number).or_none();
const REVISION: Field = field("revision", Form::Number);

/// What a kind is without anything special.
const PLAIN: Kind = Kind {
    word: "",
    table: "",
    fields: &[],
    derived: &[],
    order: None,
    identity: &[],
    rising: &[],
    only: None,
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
            field("id", USER),
            UUID,
            field("username", NAME),
            field("handle", NAME),
            field("display_name", NAME),
            field("email", NAME).or_none(),
            field("external_id", NAME).or_none(),
            field("avatar_url", LONG).or_none(),
            field("state", USER_STATES),
            field("password_hash", NAME).or_none().secret(),
            field("last_seen_at", Form::Time).or_none(),
            CREATED_AT,
            UPDATED_AT,
            field("renamed_at", Form::Time).or_none(),
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
            field("id", ROOM),
            UUID,
            field("kind", ROOM_KINDS),
            field("visibility", VISIBILITIES),
            field("open", Form::Flag).of("open_to_all"),
            field("title", LONG).or_none(),
            field("description", LONG).or_none(),
            field("external_id", NAME).or_none(),
            field("created_by", USER).or_none(),
            CREATED_AT,
            UPDATED_AT,
            field("updated_revision", Form::Number),
            field("updated_by", USER).or_none(),
            field("closed_at", Form::Time).or_none(),
        ],
        identity: &["uuid"],
        ..PLAIN
    },
    Kind {
        word: "position",
        table: "room_heads",
        fields: &[
            IN_ROOM,
            field("seq", Form::Number).of("last_seq"),
            REVISION,
            field("members_version", Form::Number),
            field("last_message_at", Form::Time).or_none(),
        ],
        rising: &[("members_version", "revision")],
        ..PLAIN
    },
    Kind {
        word: "direct",
        table: "direct_rooms",
        fields: &[
            field("low_user", USER).of("low_user_id"),
            field("high_user", USER).of("high_user_id"),
            IN_ROOM,
        ],
        identity: &["room_id"],
        rising: &[("low_user_id", "high_user_id")],
        // The number of a room may be promised before there is a room.
        only: Some("EXISTS (SELECT 1 FROM rooms WHERE rooms.id = direct_rooms.room_id)"),
        ..PLAIN
    },
    Kind {
        word: "membership",
        table: "memberships",
        fields: &[
            IN_ROOM,
            BY_USER,
            field("role", ROLES),
            field("state", MEMBER_STATES),
            field("joined_at", Form::Time),
            SINCE_SEQ,
            UNTIL_SEQ,
            field("delivered_seq", Form::Number),
            field("read_seq", Form::Number),
            field("delivered_upto", Form::Number),
            field("read_upto", Form::Number),
            REVISION,
            CHANGED_BY,
        ],
        rising: &[("since_seq", "until_seq"), ("read_seq", "delivered_seq")],
        of_user: Some("user_id"),
        ..PLAIN
    },
    Kind {
        word: "period",
        table: "membership_periods",
        fields: &[IN_ROOM, BY_USER, SINCE_SEQ, UNTIL_SEQ],
        rising: &[("since_seq", "until_seq")],
        of_user: Some("user_id"),
        ..PLAIN
    },
    Kind {
        word: "member_settings",
        table: "member_settings",
        fields: &[
            IN_ROOM,
            BY_USER,
            field("settings", Form::Object),
            UPDATED_AT,
        ],
        of_user: Some("user_id"),
        ..PLAIN
    },
    Kind {
        word: "invite",
        table: "invites",
        fields: &[
            field("code", NAME),
            IN_ROOM,
            field("created_by", USER),
            CREATED_AT,
            field("expires_at", Form::Time),
            field("uses_left", Form::Number).or_none(),
        ],
        identity: &["room_id"],
        of_user: Some("created_by"),
        ..PLAIN
    },
    Kind {
        word: "file",
        table: "files",
        fields: &[
            field("id", FILE),
            UUID,
            field("owner", USER).of("owner_id"),
            field("name", LONG),
            field("content_type", Form::FileType),
            field("size", Form::Number),
            field("width", Form::Number).or_none(),
            field("height", Form::Number).or_none(),
            field("thumbnail", Form::FileType).or_none(),
            field("thumbnail_size", Form::Number).or_none(),
            field("blob", Form::BlobKey).of("blob_key"),
            CREATED_AT,
        ],
        identity: &["uuid"],
        of_user: Some("owner_id"),
        ..PLAIN
    },
    Kind {
        word: "message",
        table: "messages",
        fields: &[
            field("id", MESSAGE),
            IN_ROOM,
            SEQ,
            field("sender", USER).of("sender_id").or_none(),
            field("client_id", Form::Text(64)).or_none(),
            field("fingerprint", Form::Whole).or_none(),
            field("kind", MESSAGE_KINDS),
            field("text", LONG),
            field("reply_to", MESSAGE).or_none(),
            field("metadata", Form::Object).or_none(),
            CREATED_AT,
            field("edited_at", Form::Time).or_none(),
            field("deleted_at", Form::Time).or_none(),
            REVISION,
        ],
        order: Some(("room_messages", &["room_id", "seq"])),
        identity: &["room_id", "seq"],
        of_user: Some("sender_id"),
        ..PLAIN
    },
    Kind {
        word: "message_file",
        table: "message_files",
        fields: &[
            OF_MESSAGE,
            field("place", Form::Number),
            field("file", FILE).of("file_id"),
            IN_ROOM,
        ],
        identity: &["file_id"],
        ..PLAIN
    },
    Kind {
        word: "change",
        table: "message_changes",
        fields: &[IN_ROOM, REVISION, OF_MESSAGE, SEQ, CHANGED_BY],
        identity: &["message_id"],
        ..PLAIN
    },
    Kind {
        word: "reaction",
        table: "reactions",
        fields: &[
            OF_MESSAGE,
            BY_USER,
            field("emoji", Form::Text(64)),
            field("active", Form::Flag),
            field("changed_at", Form::Time),
            IN_ROOM,
            SEQ,
            REVISION,
        ],
        of_user: Some("user_id"),
        ..PLAIN
    },
    Kind {
        word: "receipt",
        table: "receipts",
        fields: &[
            IN_ROOM,
            BY_USER,
            field("kind", RECEIPT_KINDS),
            field("from_seq", Form::Number),
            field("to_seq", Form::Number),
            field("marked_at", Form::Time),
            REVISION,
        ],
        rising: &[("from_seq", "to_seq")],
        of_user: Some("user_id"),
        ..PLAIN
    },
    Kind {
        word: "hidden",
        table: "hidden_messages",
        fields: &[IN_ROOM, BY_USER, SEQ, OF_MESSAGE, REVISION],
        identity: &["message_id"],
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
            for (column, table) in kind.refers() {
                let before = KINDS.iter().take(place + 1);
                assert!(
                    before.clone().any(|kind| kind.table == table),
                    "{column} of {}",
                    kind.word
                );
            }
        }
    }
}
