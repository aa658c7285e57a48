//! Blobs as files of a folder.
//!
//! A blob is written beside the others, flushed, and only then given its name:
//! whatever interrupts a writer, under a blob's name stands the whole blob or
//! nothing.

use std::fs;
use std::io::{self, ErrorKind, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::try_unfold;
use tertulia_domain::file::{BlobKey, FileType};
use tertulia_domain::ports::{BlobStream, BlobWriter, Blobs};
use tertulia_domain::{Entity, Error, Result};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::task::spawn_blocking;

/// The folder of what is not finished. No key begins with a dot.
const INCOMING: &str = ".incoming";

/// Bytes that a reader has in memory.
const PIECE: usize = 64 * 1024;

/// Blobs in a folder of this machine.
#[derive(Clone, Debug)]
pub struct LocalBlobs {
    root: Arc<Path>,
    probes: Arc<AtomicU64>,
}

impl LocalBlobs {
    /// Over this folder, which is made, for its owner alone, when it is not
    /// there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        make_private(&root.join(INCOMING))?;
        Ok(Self {
            root: root.into(),
            probes: Arc::default(),
        })
    }

    fn path(&self, key: &BlobKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// Where the blob of this key is written: known from the key, so that what
    /// a crash left behind can be removed.
    fn incoming(&self, key: &BlobKey) -> PathBuf {
        let name = key.as_str().replace('/', "_");
        self.root.join(INCOMING).join(name)
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[async_trait]
impl Blobs for LocalBlobs {
    async fn create(&self, key: &BlobKey, _: FileType) -> Result<Box<dyn BlobWriter>> {
        let incoming = self.incoming(key);
        let file = File::create(&incoming).await.map_err(Error::unavailable)?;
        Ok(Box::new(LocalWriter {
            file: Some(file),
            incoming,
            path: self.path(key),
            root: Arc::clone(&self.root),
        }))
    }

    async fn read(&self, key: &BlobKey, range: Range<u64>) -> Result<BlobStream> {
        let mut file = match File::open(self.path(key)).await {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Error::NotFound(Entity::File));
            }
            Err(error) => return Err(Error::unavailable(error)),
        };
        let start = SeekFrom::Start(range.start);
        file.seek(start).await.map_err(Error::unavailable)?;
        let left = range.end.saturating_sub(range.start);
        Ok(try_unfold((file, left), next_piece).boxed())
    }

    async fn delete(&self, key: &BlobKey) -> Result<()> {
        for path in [self.path(key), self.incoming(key)] {
            match tokio::fs::remove_file(path).await {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Error::unavailable(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn ping(&self) -> Result<()> {
        let number = self.probes.fetch_add(1, Ordering::Relaxed);
        let name = format!("ping-{}-{number}", std::process::id());
        let probe = self.root.join(INCOMING).join(name);
        blocking(move || {
            fs::write(&probe, b"ping")?;
            fs::remove_file(&probe)
        })
        .await
    }
}

/// The next piece of a file, of which so many bytes are still to come.
async fn next_piece((mut file, left): (File, u64)) -> Result<Option<(Bytes, (File, u64))>> {
    if left == 0 {
        return Ok(None);
    }
    let wanted = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
    let mut piece = BytesMut::zeroed(wanted);
    let read = file.read_exact(&mut piece).await;
    read.map_err(Error::unavailable)?;
    Ok(Some((piece.freeze(), (file, left - wanted as u64))))
}

/// A blob being written.
struct LocalWriter {
    /// None once it is finished or given up.
    file: Option<File>,
    incoming: PathBuf,
    path: PathBuf,
    root: Arc<Path>,
}

#[async_trait]
impl BlobWriter for LocalWriter {
    async fn write(&mut self, piece: Bytes) -> Result<()> {
        let Some(file) = &mut self.file else {
            return Err(Error::unavailable("this blob was given up"));
        };
        file.write_all(&piece).await.map_err(Error::unavailable)
    }

    async fn finish(mut self: Box<Self>) -> Result<()> {
        let Some(file) = &mut self.file else {
            return Err(Error::unavailable("this blob was given up"));
        };
        // The last write ends only here.
        file.flush().await.map_err(Error::unavailable)?;
        file.sync_all().await.map_err(Error::unavailable)?;
        let (incoming, path) = (self.incoming.clone(), self.path.clone());
        let root = Arc::clone(&self.root);
        blocking(move || {
            let parent = path.parent().unwrap_or(&root);
            make_private(parent)?;
            fs::rename(&incoming, &path)?;
            flush_names(parent, &root)
        })
        .await?;
        self.file = None;
        Ok(())
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.file = None;
        let removed = tokio::fs::remove_file(&self.incoming).await;
        removed.map_err(Error::unavailable)
    }
}

impl Drop for LocalWriter {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // What cannot be removed now is removed with the key.
            let _ = fs::remove_file(&self.incoming);
        }
    }
}

/// Makes the names in `folder`, and those of the folders above it up to `root`,
/// durable.
fn flush_names(folder: &Path, root: &Path) -> io::Result<()> {
    // Only on Unix is a folder a file that can be flushed.
    if cfg!(unix) {
        for folder in folder.ancestors().take_while(|path| path.starts_with(root)) {
            fs::File::open(folder)?.sync_all()?;
        }
    }
    Ok(())
}

async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> Result<()> {
    match spawn_blocking(work).await {
        Ok(done) => done.map_err(Error::unavailable),
        Err(stopped) => Err(Error::unavailable(stopped)),
    }
}
