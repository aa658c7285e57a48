//! The files of a form of which it is not certain yet that they stay: they are
//! removed when it breaks off or is refused, also when nobody waits for it any
//! more.

use std::{fmt, mem};

use tertulia_domain::{FileId, UserId};
use tokio::runtime::Handle;

use crate::common::Context;

/// Files to be removed unless they are [kept](Unfinished::keep).
pub struct Unfinished {
    context: Context,
    owner: UserId,
    files: Vec<FileId>,
}

impl Unfinished {
    /// None yet.
    pub(crate) fn new(context: &Context, owner: UserId) -> Self {
        Self {
            context: context.clone(),
            owner,
            files: Vec::new(),
        }
    }

    /// Further files.
    pub(crate) fn add(&mut self, files: impl IntoIterator<Item = FileId>) {
        self.files.extend(files);
    }

    /// Which they are, in their order.
    pub(crate) fn files(&self) -> &[FileId] {
        &self.files
    }

    /// They stay, as long as they are not [added](Self::add) again.
    pub fn keep(&mut self) -> Vec<FileId> {
        mem::take(&mut self.files)
    }

    /// Removes them all, and waits for it.
    pub(crate) async fn remove(mut self) {
        let removing = remove_all(self.context.clone(), self.owner, mem::take(&mut self.files));
        // In a task of its own: it goes on when the request is dropped.
        if let Err(error) = tokio::spawn(removing).await {
            tracing::error!(%error, "the files of a refused form are left");
        }
    }
}

impl fmt::Debug for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unfinished").field(&self.files).finish()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.files.is_empty() {
            return;
        }
        let removing = remove_all(self.context.clone(), self.owner, mem::take(&mut self.files));
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(removing);
        }
    }
}

async fn remove_all(context: Context, owner: UserId, files: Vec<FileId>) {
    for file in files {
        if let Err(error) = context.chat.delete_file(owner, file).await {
            tracing::warn!(%error, file = file.0, "a file of a refused form is left");
        }
    }
}
