//! The signing secret of a server that was given none: made at its first
//! start, and kept in its data directory for all later ones (S3).

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result};
use tertulia_auth::SigningSecret;
use tertulia_domain::Random;

const FILE_NAME: &str = "jwt_secret";

/// Reads the secret in `data_dir`, which must exist, or makes one there. Only
/// the owner may read the file. Of several processes that start at once, one
/// makes it and all take the same.
///
/// # Errors
/// When the file can be neither read nor made, or holds no usable secret.
pub fn load_or_make(data_dir: &Path, random: &dyn Random) -> Result<SigningSecret> {
    let path = data_dir.join(FILE_NAME);
    match fs::read_to_string(&path) {
        Ok(text) => parse(&path, &text),
        Err(error) if error.kind() == ErrorKind::NotFound => make(data_dir, &path, random),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn parse(path: &Path, text: &str) -> Result<SigningSecret> {
    SigningSecret::parse(text.trim_end()).with_context(|| {
        format!(
            "{} holds no usable signing secret; delete it to have a new one made \
             (everybody signs in again)",
            path.display()
        )
    })
}

fn make(data_dir: &Path, path: &Path, random: &dyn Random) -> Result<SigningSecret> {
    let secret = SigningSecret::generate(random);
    let is_ours = write_new(data_dir, path, &secret)
        .with_context(|| format!("cannot make the signing secret {}", path.display()))?;
    if is_ours {
        return Ok(secret);
    }
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(path, &text)
}

/// Writes beside and then gives the name, so that nobody ever reads half a
/// secret. False when somebody else was first.
fn write_new(data_dir: &Path, path: &Path, secret: &SigningSecret) -> std::io::Result<bool> {
    // A temporary file is its owner's alone: mode 0600 on Unix.
    let mut file = tempfile::Builder::new()
        .prefix(".jwt_secret-")
        .tempfile_in(data_dir)?;
    writeln!(file, "{}", secret.expose())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => sync_folder(data_dir).map(|()| true),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// Makes a new name survive a power cut, where folders can be synced.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says how often it was asked.
    #[derive(Default)]
    struct Counting(std::sync::atomic::AtomicU8);

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = self.0.fetch_add(7, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn the_first_start_makes_it_and_the_next_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let random = Counting::default();
        let first = load_or_make(folder.path(), &random).unwrap();
        let second = load_or_make(folder.path(), &random).unwrap();
        assert_eq!(first, second);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        load_or_make(folder.path(), &Counting::default()).unwrap();
        let metadata = fs::metadata(folder.path().join(FILE_NAME)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn whoever_comes_second_takes_the_first_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let random = Counting::default();
        let first = make(folder.path(), &path, &random).unwrap();
        let second = make(folder.path(), &path, &random).unwrap();
        assert_eq!(first, second);
    }

    #[test]
    fn a_file_with_anything_else_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        fs::write(&path, "change_me\n").unwrap();
        let error = load_or_make(folder.path(), &Counting::default()).unwrap_err();
        assert!(
            format!("{error:#}").contains("well-known example"),
            "{error:#}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "change_me\n");
    }
}
