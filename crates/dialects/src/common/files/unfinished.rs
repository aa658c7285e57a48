//! The files of a form that is not read to its end yet: they are removed when it
//! breaks off, also when nobody waits for it any more.

use std::mem;

use tertulia_domain::{FileId, UserId};
use tokio::runtime::Handle;

use crate::common::Context;

/// Files to be removed unless they are [kept](Unfinished::keep).
pub(super) struct Unfinished {
    context: Context,
    owner: UserId,
    files: Vec<FileId>,
}

impl Unfinished {
    pub(super) fn new(context: &Context, owner: UserId) -> Self {
        Self {
            context: context.clone(),
            owner,
            files: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, file: FileId) {
        self.files.push(file);
    }

    /// The form has come to its end.
    pub(super) fn keep(mut self) {
        self.files.clear();
    }

    /// Removes them all, and waits for it.
    pub(super) async fn remove(mut self) {
        let removing = remove_all(self.context.clone(), self.owner, mem::take(&mut self.files));
        // In a task of its own: it goes on when the request is dropped.
        if let Err(error) = tokio::spawn(removing).await {
            tracing::error!(%error, "the files of a broken form are left");
        }
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
            tracing::warn!(%error, file = file.0, "a file of a broken form is left");
        }
    }
}
