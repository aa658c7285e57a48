//! The objects of contract §3, key by key in its order.

use serde::Serialize;
use tertulia_domain::{File, User, UserId, UserState};
use utoipa::ToSchema;

use crate::common::files::FileLinks;
use crate::izpochat::encode::full_name;
use crate::izpochat::time::Zulu;

/// A person.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = izpochat::User)]
pub(in crate::izpochat) struct UserObject {
    /// Unique, without regard to case.
    pub username: String,
    /// One's own address; empty for everybody else.
    pub email: String,
    /// None where the user gave none.
    pub full_name: Option<String>,
    /// The user's number.
    pub id: i64,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// When the account was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Zulu,
    /// When it last changed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Zulu>,
}

impl UserObject {
    /// A user as this reader may see it (contract §6).
    pub(super) fn new(user: &User, reader: Option<UserId>) -> Self {
        let own = reader == Some(user.id());
        let email = user.email.as_deref().filter(|_| own);
        Self {
            username: user.profile.username.clone(),
            email: email.unwrap_or_default().to_owned(),
            full_name: full_name(&user.profile).map(str::to_owned),
            id: user.id().0,
            is_active: user.state == UserState::Active,
            created_at: Zulu(user.created_at),
            updated_at: changed(user.created_at, user.updated_at),
        }
    }
}

/// Something that never changed has no time of its last change.
pub(super) fn changed(
    created_at: tertulia_domain::Timestamp,
    updated_at: tertulia_domain::Timestamp,
) -> Option<Zulu> {
    (updated_at != created_at).then_some(Zulu(updated_at))
}

/// A room.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = izpochat::Room)]
pub(in crate::izpochat) struct RoomObject {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// Whether it takes an invitation to enter it.
    pub is_private: bool,
    /// The room's number.
    pub id: i64,
    /// Whose it is; 0 for nobody's.
    pub owner_id: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Zulu,
    /// When it last changed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Zulu>,
    /// Whose it is.
    pub owner: UserObject,
    /// Those who belong to it, the first ones first; of large rooms not all.
    pub members: Vec<UserObject>,
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::Message)]
pub(super) struct MessageObject<'a> {
    /// Its words.
    #[schema(value_type = String)]
    pub content: &'a str,
    /// Where it was said.
    pub room_id: i64,
    /// The message's number.
    pub id: i64,
    /// Who said it; 0 for the server.
    pub sender_id: i64,
    /// The file that comes with it.
    pub file_id: Option<i64>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Zulu,
    /// Who said it.
    pub sender: UserObject,
    /// Where.
    #[schema(value_type = RoomObject)]
    pub room: &'a RoomObject,
    /// The file that comes with it.
    pub file: Option<FileObject>,
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::File)]
pub(super) struct FileObject {
    /// What its owner calls it.
    #[schema(example = "partitura.pdf")]
    pub original_filename: String,
    /// What the server calls it.
    pub stored_filename: String,
    /// Bytes.
    pub file_size: u64,
    /// What it is, by its content.
    #[schema(example = "application/pdf")]
    pub content_type: &'static str,
    /// Where it can be read without a token, for a day or so; whoever asks
    /// again gets a fresh address.
    pub public_url: String,
    /// The file's number.
    pub id: i64,
    /// Whose it is.
    pub uploader_id: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub uploaded_at: Zulu,
    /// Whose it is.
    pub uploader: UserObject,
    /// The same as `original_filename`, as later clients read it.
    pub filename: String,
    /// The same as `public_url`, as later clients read it.
    pub file_url: String,
    /// The same as `uploader_id`, as later clients read it.
    pub user_id: i64,
}

impl FileObject {
    pub(super) fn new(file: &File, uploader: UserObject, links: &FileLinks) -> Self {
        let public_url = links.url(file.id);
        Self {
            original_filename: file.name.clone(),
            stored_filename: file.key.stored_name().to_owned(),
            file_size: file.size,
            content_type: file.content_type.mime(),
            id: file.id.0,
            uploader_id: file.owner.0,
            uploaded_at: Zulu(file.created_at),
            uploader,
            filename: file.name.clone(),
            file_url: public_url.clone(),
            user_id: file.owner.0,
            public_url,
        }
    }
}

/// Some of one's files.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::FileList)]
pub(super) struct FileListObject {
    /// The newest first.
    pub files: Vec<FileObject>,
    /// How many these are.
    pub total: usize,
    /// How many were left out first.
    pub skip: usize,
    /// How many there could be here.
    pub limit: usize,
}

/// What became of several files.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::Uploaded)]
pub(super) struct UploadedObject {
    /// Those that were taken.
    pub uploaded_files: Vec<FileObject>,
    /// How many were taken.
    pub total_uploaded: usize,
    /// How many were sent.
    pub total_files: usize,
    /// Those that were not taken; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<NotUploadedObject>,
}

/// A file that was not taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::NotUploaded)]
pub(super) struct NotUploadedObject {
    /// What its owner calls it.
    pub filename: String,
    /// Why.
    pub error: String,
}

/// What became of removing something.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::Removed)]
pub(super) struct RemovedObject {
    /// For people.
    pub message: &'static str,
}

/// Which files are taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::AllowedTypes)]
pub(super) struct AllowedTypesObject {
    /// Every media type.
    pub allowed_types: Vec<&'static str>,
    /// Bytes of one file, in units of 1,048,576.
    #[schema(example = 50)]
    pub max_file_size_mb: u64,
    /// The same types by what they are roughly.
    pub categories: CategoriesObject,
}

/// Media types by what they are roughly.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::Categories)]
pub(super) struct CategoriesObject {
    /// Texts, tables, slides and archives.
    pub documents: Vec<&'static str>,
    /// Pictures.
    pub images: Vec<&'static str>,
    /// Sound.
    pub audio: Vec<&'static str>,
    /// Films.
    pub video: Vec<&'static str>,
}

/// A login.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::Token)]
pub(super) struct TokenObject {
    /// For `Authorization: Bearer`, and for `?token=` of a socket.
    pub access_token: String,
    /// Always `bearer`.
    pub token_type: &'static str,
}

/// What became of joining or leaving.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::Done)]
pub(super) struct DoneObject {
    /// For people.
    pub message: &'static str,
    /// Which room.
    pub room_id: i64,
}

/// Who was asked in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::Invited)]
pub(super) struct InvitedObject {
    /// For people.
    pub message: &'static str,
    /// Into which room.
    pub room_id: i64,
    /// Who.
    pub user_id: i64,
}

/// Who has a room open.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::Online)]
pub(super) struct OnlineObject {
    /// Which room.
    pub room_id: i64,
    /// Who.
    pub online_users: Vec<OnlineUser>,
    /// How many they are.
    pub count: usize,
}

/// Somebody who has a room open.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::OnlineUser)]
pub(super) struct OnlineUser {
    /// The user's number.
    pub id: i64,
    /// See the user.
    pub username: String,
    /// See the user.
    pub full_name: Option<String>,
}
