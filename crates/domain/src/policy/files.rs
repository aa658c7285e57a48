//! Who may do what with files (S16): their owners, and whoever may read a room
//! in which one stands in a message.

use std::marker::PhantomData;
use std::sync::Arc;

use super::{Authority, MayAttach, MayDiscard, MayFetch, may_read};
use crate::{Denial, Entity, Error, File, Result, UserId};

/// What a decision about a file rests on.
#[derive(Clone, Debug)]
pub struct FileAuthority {
    /// The file.
    pub file: Arc<File>,
    /// How the user stands to rooms in which the file is in a message; some of
    /// those that the user may read, when there is one.
    pub seen_in: Vec<Authority>,
}

impl FileAuthority {
    /// Its owner, or anyone who reads a room where it is. To all others it is
    /// as if there were no such file (S7).
    fn visible(&self, actor: UserId) -> Result<()> {
        let in_a_room = |room: &Authority| may_read(room, actor).is_ok();
        if self.file.owner == actor || self.seen_in.iter().any(in_a_room) {
            return Ok(());
        }
        Err(Error::NotFound(Entity::File))
    }

    fn permit<A>(&self) -> FilePermit<A> {
        FilePermit {
            file: Arc::clone(&self.file),
            action: PhantomData,
        }
    }
}

/// The right to do `A` with a file.
#[derive(Debug)]
pub struct FilePermit<A> {
    file: Arc<File>,
    action: PhantomData<fn() -> A>,
}

impl<A> Clone for FilePermit<A> {
    fn clone(&self) -> Self {
        Self {
            file: Arc::clone(&self.file),
            action: PhantomData,
        }
    }
}

impl<A> FilePermit<A> {
    /// With which file.
    #[must_use]
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }
}

/// May `actor` see the file and read its bytes?
///
/// # Errors
/// [`Entity::File`] not found.
pub fn may_fetch(authority: &FileAuthority, actor: UserId) -> Result<MayFetch> {
    authority.visible(actor)?;
    Ok(authority.permit())
}

/// Whoever has a link that was signed here and has not ended may read the file
/// that it leads to ([`Chat::linked_file`](crate::Chat::linked_file)).
pub(crate) fn linked(file: File) -> MayFetch {
    FilePermit {
        file: Arc::new(file),
        action: PhantomData,
    }
}

/// May `actor` put the file into a message? Whoever sees it may pass it on.
///
/// # Errors
/// [`Entity::File`] not found.
pub fn may_attach(authority: &FileAuthority, actor: UserId) -> Result<MayAttach> {
    authority.visible(actor)?;
    Ok(authority.permit())
}

/// May `actor` remove the file for good? Its owner may.
///
/// # Errors
/// [`Denial::NotAuthor`] for whoever sees it; else [`Entity::File`] not found.
pub fn may_discard(authority: &FileAuthority, actor: UserId) -> Result<MayDiscard> {
    authority.visible(actor)?;
    if authority.file.owner != actor {
        return Err(Error::Forbidden(Denial::NotAuthor));
    }
    Ok(authority.permit())
}
