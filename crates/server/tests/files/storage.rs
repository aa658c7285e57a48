//! Where the servers of these tests keep files. Every test runs on each storage
//! that is there, in a place of its own: a folder, a prefix of a bucket on the
//! servers of S3 and of Google Cloud Storage that `cargo xtask test` starts.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tertulia_testkit::TestServerBuilder;
use tertulia_testkit::{HttpClient, ServerProcess, ServerProcessBuilder, TestServer};
use tokio::task::spawn_blocking;
use uuid::Uuid;

/// The bucket that both servers have.
const BUCKET: &str = "tertulia";

/// How long may be waited for a storage to become empty.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Makes of each named function of the module, which takes a [`Storage`], a
/// test on every storage.
macro_rules! on_every_storage {
    ($($test:ident),* $(,)?) => {
        mod on_a_folder {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::storage::Storage::folder()).await;
            })*
        }

        #[cfg(feature = "cloud")]
        mod on_s3 {
            $(#[tokio::test]
            async fn $test() {
                if let Some(storage) = crate::storage::Storage::s3() {
                    super::$test(storage).await;
                }
            })*
        }

        #[cfg(feature = "cloud")]
        mod on_gcs {
            $(#[tokio::test]
            async fn $test() {
                if let Some(storage) = crate::storage::Storage::gcs() {
                    super::$test(storage).await;
                }
            })*
        }
    };
}

pub(crate) use on_every_storage;

/// An empty storage of one test.
pub(crate) struct Storage {
    variables: Vec<(&'static str, String)>,
    place: Place,
}

enum Place {
    Folder(TempDir),
    Bucket { server: HttpClient, prefix: String },
}

impl Storage {
    pub(crate) fn folder() -> Self {
        let folder = tempfile::tempdir().expect("a folder for files");
        let url = format!("file:{}", folder.path().display());
        Self {
            variables: vec![("TERTULIA_FILES_URL", url)],
            place: Place::Folder(folder),
        }
    }

    pub(crate) fn s3() -> Option<Self> {
        let mut storage = Self::bucket("s3", "TERTULIA_TEST_S3")?;
        storage.variables.extend([
            ("AWS_ACCESS_KEY_ID", "any".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "any".to_owned()),
        ]);
        Some(storage)
    }

    pub(crate) fn gcs() -> Option<Self> {
        Self::bucket("gs", "TERTULIA_TEST_GCS")
    }

    fn bucket(scheme: &str, variable: &str) -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "the address comes this way")]
        let Ok(endpoint) = std::env::var(variable) else {
            eprintln!("skipped: {variable} is not set; `cargo xtask test` sets it");
            return None;
        };
        let address = endpoint.trim_start_matches("http://").parse();
        let prefix = format!("files/{}", Uuid::new_v4());
        Some(Self {
            variables: vec![
                (
                    "TERTULIA_FILES_URL",
                    format!("{scheme}://{BUCKET}/{prefix}"),
                ),
                ("TERTULIA_FILES_ENDPOINT", endpoint),
            ],
            place: Place::Bucket {
                server: HttpClient::new(address.expect("the address of a server")),
                prefix,
            },
        })
    }

    /// A server in this process that keeps its files here.
    pub(crate) fn server(&self) -> TestServerBuilder {
        self.variables
            .iter()
            .fold(TestServer::builder(), |server, (name, value)| {
                server.variable(name, value)
            })
    }

    /// The real program, with its files here.
    pub(crate) fn process(&self, data_dir: &Path) -> ServerProcessBuilder {
        let program = ServerProcess::builder(env!("CARGO_BIN_EXE_tertulia"), data_dir);
        self.variables
            .iter()
            .fold(program, |program, (name, value)| {
                program.variable(name, value)
            })
    }

    /// Every blob that is stored, finished or not, by its key or something like
    /// it. The storage itself is asked, not the code under test.
    pub(crate) async fn stored(&self) -> Vec<String> {
        match &self.place {
            Place::Folder(folder) => {
                let root = folder.path().to_owned();
                let walked = spawn_blocking(move || {
                    let mut found = Vec::new();
                    walk(&root, &root, &mut found);
                    found
                });
                walked.await.expect("the folder can be read")
            }
            Place::Bucket { server, prefix } => {
                let mut found = keys(server, "list-type=2", prefix).await;
                // Uploads in parts that were never completed.
                found.extend(keys(server, "uploads", prefix).await);
                found
            }
        }
    }

    /// Waits until nothing is stored any more.
    pub(crate) async fn until_empty(&self) {
        self.until(|stored| stored.is_empty()).await;
    }

    /// Waits until what is stored is as it should be.
    pub(crate) async fn until(&self, is_so: impl Fn(&[String]) -> bool) {
        let settled = async { while !is_so(&self.stored().await) {} };
        let in_time = tokio::time::timeout(PATIENCE, settled).await;
        assert!(in_time.is_ok(), "stored: {:?}", self.stored().await);
    }
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(root, &path, found);
        } else {
            let key = path.strip_prefix(root).unwrap_or(&path);
            found.push(key.display().to_string());
        }
    }
}

/// The keys of a list of a bucket, after this prefix. Both servers speak XML
/// alike; a test has fewer keys than a page.
async fn keys(server: &HttpClient, list: &str, prefix: &str) -> Vec<String> {
    let path = format!("/{BUCKET}?{list}&prefix={prefix}/");
    let answer = server.get(&path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    let text = answer.text();
    let after = text.split("<Key>").skip(1);
    let keys = after.filter_map(|rest| rest.split("</Key>").next());
    keys.filter_map(|key| key.strip_prefix(&format!("{prefix}/")))
        .map(str::to_owned)
        .collect()
}
