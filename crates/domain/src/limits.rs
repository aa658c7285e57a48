//! Bounds on what a person may ask of the domain (`reliability.md` §2). Limits
//! of sockets and bodies live with the transports.

use std::time::Duration;

/// Each field is a setting `TERTULIA_LIMIT_…`.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Characters of a message's text.
    pub text_chars: usize,
    /// Bytes of a message's metadata as JSON.
    pub metadata_bytes: usize,
    /// Characters of a username.
    pub username_chars: usize,
    /// Characters of a display name.
    pub display_name_chars: usize,
    /// Characters of an e-mail address (RFC 5321 §4.5.3.1).
    pub email_chars: usize,
    /// Characters of a room's title.
    pub title_chars: usize,
    /// Characters of a room's description.
    pub description_chars: usize,
    /// The least and most characters of a new password (S5).
    pub password_chars: (usize, usize),
    /// Members that a room may be created with.
    pub initial_members: usize,
    /// Different reactions that may stand on one message.
    pub reactions_per_message: usize,
    /// Files of one message, and of one request that uploads.
    pub files_per_message: usize,
    /// Bytes of one file.
    pub file_bytes: usize,
    /// Bytes of all files of a user together, uploads under way included.
    pub file_quota_bytes: usize,
    /// Uploads of a user that are under way, interrupted ones included.
    pub uploads_per_user: usize,
    /// How long an interrupted resumable upload is kept.
    pub upload_lifetime: Duration,
    /// Items of one page.
    pub page_size: usize,
    /// Messages that a recovery replays in one room; beyond it the client is
    /// told to read the history instead (G8).
    pub recovery_messages: i64,
    /// Commands that may wait for the writer.
    pub writer_queue: usize,
    /// Commands that become one transaction.
    pub writer_batch: usize,
    /// How long a command may wait until the last step of its transaction
    /// begins (G13). What waited for others before may take half a second more.
    pub writer_wait: Duration,
    /// Failed logins of one account before each further try must wait.
    pub login_failures_per_account: u32,
    /// Failed logins from one address before each further try must wait.
    pub login_failures_per_address: u32,
    /// Accounts registered from one address before each further one must wait.
    pub registrations_per_address: u32,
    /// How long a session lives without being refreshed.
    pub session_lifetime: Duration,
    /// Whether whoever knows the number of a private group may join it, as in
    /// IzpoChat's own server; else an invitation is needed.
    pub join_by_number: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text_chars: 20_000,
            metadata_bytes: 16 * 1024,
            username_chars: 50,
            display_name_chars: 100,
            email_chars: 254,
            title_chars: 100,
            description_chars: 2_000,
            password_chars: (8, 256),
            initial_members: 256,
            reactions_per_message: 200,
            files_per_message: 10,
            file_bytes: 50 * 1024 * 1024,
            file_quota_bytes: 1024 * 1024 * 1024,
            uploads_per_user: 20,
            upload_lifetime: Duration::from_secs(24 * 60 * 60),
            page_size: 100,
            recovery_messages: 10_000,
            writer_queue: 4_096,
            writer_batch: 256,
            writer_wait: Duration::from_secs(4),
            login_failures_per_account: 5,
            login_failures_per_address: 50,
            registrations_per_address: 200,
            session_lifetime: Duration::from_secs(30 * 24 * 60 * 60),
            join_by_number: false,
        }
    }
}
