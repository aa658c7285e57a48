//! The blobs that rows name: what must lie beside a database for it to be whole.

use tertulia_domain::file::{BlobKey, FileType};

use super::CopyError;
use super::ends::End;
use crate::open::Database;
use crate::sql::{self, params};

/// Rows of a page.
const PAGE: usize = 256;

/// A blob that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedBlob {
    /// Its name.
    pub key: BlobKey,
    /// What it is; that of a text for a part of an upload, which has none yet.
    pub content_type: FileType,
    /// Bytes; at least one.
    pub size: u64,
}

/// All complete blobs that a database names, read in pages.
pub struct NamedBlobs {
    end: End,
    next: Next,
}

/// Where the next page begins.
enum Next {
    File(i64),
    Part(i64, String),
    Nothing,
}

impl NamedBlobs {
    /// Of a database that nobody uses; a SQLite file is kept from others.
    ///
    /// # Errors
    /// [`CopyError`].
    pub async fn open(database: &Database) -> Result<Self, CopyError> {
        Ok(Self {
            end: End::source(database).await?,
            next: Next::File(0),
        })
    }

    /// The next few hundred of them, contents before thumbnails; none after the
    /// last.
    ///
    /// # Errors
    /// [`CopyError::Open`].
    pub async fn page(&mut self) -> Result<Vec<NamedBlob>, CopyError> {
        let mut page = Vec::new();
        while page.is_empty() && !matches!(self.next, Next::Nothing) {
            self.end.be_patient()?;
            let read = self.read().await;
            page = read.map_err(|error| self.end.failed(error))?;
        }
        Ok(page)
    }

    async fn read(&mut self) -> sql::Result<Vec<NamedBlob>> {
        self.end.connection.begin_read().await?;
        let page = match &self.next {
            Next::File(after) => self.files(*after).await,
            Next::Part(upload, key) => self.parts(*upload, key.clone()).await,
            Next::Nothing => Ok(Vec::new()),
        };
        self.end.connection.rollback().await?;
        page
    }

    async fn files(&mut self, after: i64) -> sql::Result<Vec<NamedBlob>> {
        let rows = self
            .end
            .connection
            .query(
                "SELECT id, blob_key, content_type, size, thumbnail, thumbnail_size FROM files \
                 WHERE id > ? ORDER BY id LIMIT ?",
                params![after, PAGE],
                |row| {
                    let id: i64 = row.take()?;
                    let content = NamedBlob {
                        key: row.take()?,
                        content_type: row.take()?,
                        size: row.take()?,
                    };
                    let small: (Option<FileType>, Option<u64>) = (row.take()?, row.take()?);
                    Ok((id, content, small.0.zip(small.1)))
                },
            )
            .await?;
        self.next = match rows.last() {
            Some((id, ..)) => Next::File(*id),
            None => Next::Part(0, String::new()),
        };
        let both = rows.into_iter().flat_map(|(_, content, small)| {
            let small = small.map(|(content_type, size)| NamedBlob {
                key: content.key.thumbnail(content_type),
                content_type,
                size,
            });
            [Some(content), small]
        });
        Ok(both.flatten().collect())
    }

    async fn parts(&mut self, upload: i64, after: String) -> sql::Result<Vec<NamedBlob>> {
        let rows = self
            .end
            .connection
            .query(
                "SELECT upload_id, blob_key, size FROM upload_parts \
                 WHERE upload_id >= ? AND (upload_id > ? OR blob_key > ?) \
                 ORDER BY upload_id, blob_key LIMIT ?",
                params![upload, upload, &after, PAGE],
                |row| {
                    let upload: i64 = row.take()?;
                    let key: BlobKey = row.take()?;
                    Ok((upload, key, row.take::<Option<u64>>()?))
                },
            )
            .await?;
        self.next = match rows.last() {
            Some((upload, key, _)) => Next::Part(*upload, key.as_str().to_owned()),
            None => Next::Nothing,
        };
        let complete = rows.into_iter().filter_map(|(_, key, size)| {
            Some(NamedBlob {
                key,
                content_type: FileType::Txt,
                size: size.filter(|size| *size > 0)?,
            })
        });
        Ok(complete.collect())
    }
}
