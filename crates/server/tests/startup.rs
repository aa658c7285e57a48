//! What happens at a start: what is made, what is said, what is refused. With
//! the real program.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tertulia_testkit::{ServerProcess, ServerProcessBuilder, TestServer};

const BINARY: &str = env!("CARGO_BIN_EXE_tertulia");
const SECRET: &str = "k9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA";

fn program(folder: &TempDir) -> ServerProcessBuilder {
    ServerProcess::builder(BINARY, folder.path().join("data"))
}

/// Runs the program to its end; what it answered, and whether it was content.
async fn run(program: &ServerProcessBuilder, arguments: &[&str]) -> (bool, String) {
    let output = program.command(arguments).output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;

    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[cfg(unix)]
#[tokio::test]
async fn the_first_start_makes_folder_and_secret_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new/data");
    let server = TestServer::builder().data_dir(&data).spawn().await;
    assert!(server.server().is_first_start());
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("jwt_secret")), 0o600);
    server.shutdown().await;

    let again = TestServer::builder().data_dir(&data).spawn().await;
    assert!(!again.server().is_first_start());
    again.shutdown().await;
}

#[tokio::test]
async fn a_given_secret_is_written_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::builder()
        .data_dir(folder.path().join("data"))
        .variable("TERTULIA_JWT_SECRET", SECRET)
        .spawn()
        .await;
    server.shutdown().await;
    let mut entries = vec![folder.path().join("data")];
    while let Some(path) = entries.pop() {
        if path.is_dir() {
            let inside = std::fs::read_dir(&path).unwrap();
            entries.extend(inside.map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let leaked = bytes
            .windows(SECRET.len())
            .any(|it| it == SECRET.as_bytes());
        assert!(!leaked, "{}", path.display());
    }
}

/// Contract KaapehChat §5: scripts may wait for this line.
#[tokio::test]
async fn every_listener_is_printed_and_serves_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = program(&folder)
        .variable("TERTULIA_LISTEN", "127.0.0.1:0,127.0.0.1:0")
        .spawn()
        .await;
    assert_eq!(server.addresses().len(), 2);
    for address in server.addresses() {
        let line = format!("WS server: ws://{address}");
        assert!(server.stdout().lines().any(|it| it == line), "{line}");
        let http = tertulia_testkit::HttpClient::new(*address);
        assert_eq!(http.get("/health/ready").await.status, 200);
    }
    server.kill().await;
}

#[tokio::test]
async fn only_the_first_start_welcomes_where_nobody_watches() {
    let folder = tempfile::tempdir().unwrap();
    for first in [true, false] {
        let mut server = program(&folder).spawn().await;
        let port = server.address().port();
        for text in [
            format!("Emulador Android:   http://10.0.2.2:{port}"),
            format!("Android emulator:   http://10.0.2.2:{port}"),
            format!("TERTULIA_LISTEN=0.0.0.0:{port}"),
        ] {
            assert_eq!(
                server.stdout().contains(&text),
                first,
                "{}",
                server.stdout()
            );
        }
        server.kill().await;
    }
}

#[tokio::test]
async fn a_weak_or_known_secret_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (secret, why) in [
        ("k9Vt3Qw8", "32 are needed"),
        ("change_me_change_me_change_me_change_me", "example"),
        ("abababababababababababababababababab", "repeats"),
    ] {
        let program = program(&folder).variable("TERTULIA_JWT_SECRET", secret);
        let (content, said) = run(&program, &["serve"]).await;
        assert!(!content);
        assert!(said.contains(why), "{secret}: {said}");
        assert!(!said.contains(secret), "{said}");
    }
}

#[tokio::test]
async fn an_unknown_setting_is_refused_with_the_nearest_name() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder).variable("TERTULIA_DATADIR", "x");
    let (content, said) = run(&program, &["serve"]).await;
    assert!(!content);
    assert!(said.contains("did you mean TERTULIA_DATA_DIR?"), "{said}");
    assert!(said.contains("¿querías decir TERTULIA_DATA_DIR?"), "{said}");
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let program = program(&folder).variable("TERTULIA_LISTEN", &address);
    let (content, said) = run(&program, &["serve"]).await;
    assert!(!content);
    assert!(
        said.contains(&format!("cannot listen on {address}")),
        "{said}"
    );
}

/// G14: refused, and not overwritten.
#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_kept() {
    if !tertulia_testkit::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let database: PathBuf = data.join("tertulia.db");
    std::fs::write(&database, "precious notes").unwrap();
    for command in ["serve", "migrate"] {
        let (content, said) = run(&program(&folder), &[command]).await;
        assert!(!content);
        assert!(said.contains("is not a SQLite database"), "{said}");
    }
    assert_eq!(std::fs::read(&database).unwrap(), b"precious notes");
}

/// A refused start leaves nothing running and may be repeated.
#[tokio::test]
async fn a_start_that_fails_late_frees_its_address() {
    if !tertulia_testkit::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("tertulia.db"), "precious notes").unwrap();
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let builder = || {
        TestServer::builder()
            .settings(move |settings| {
                settings.network.listen = vec![address.to_string().parse().unwrap()];
            })
            .data_dir(data.clone())
    };
    assert!(builder().try_spawn().await.is_err());
    std::fs::remove_file(data.join("tertulia.db")).unwrap();
    builder().spawn().await.shutdown().await;
}

#[tokio::test]
async fn variables_of_older_systems_are_told_about_without_their_values() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = program(&folder)
        .variable("MYSQL_PASSWORD", "muy-secreta")
        .spawn()
        .await;
    server.wait_for_log("MYSQL_PASSWORD").await;
    server.stop().await;
    assert!(!server.stderr().contains("muy-secreta"));
}

/// S11, S18.
#[tokio::test]
async fn the_log_holds_no_query_string() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = program(&folder)
        .variable("TERTULIA_LOG", "trace")
        .spawn()
        .await;
    server.http().get("/health/live?token=muy-secreto").await;
    server.wait_for_log("an HTTP request").await;
    server.stop().await;
    let log = server.stderr();
    assert!(log.contains("/health/live"), "{log}");
    assert!(!log.contains("muy-secreto"), "{log}");
}
