//! The commands of an administrator, with the real program.

mod copying;

use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use tertulia_testkit::{Closed, ServerProcess, ServerProcessBuilder};
use tokio::io::AsyncWriteExt;

const BINARY: &str = env!("CARGO_BIN_EXE_tertulia");
const PASSWORD: &str = "una clave bastante larga";

/// Within how long a command closes connections: 5 s, for a machine that does nothing
/// else.
const SOON: Duration = Duration::from_secs(30);

fn program(folder: &TempDir) -> ServerProcessBuilder {
    ServerProcess::builder(BINARY, folder.path().join("data"))
}

async fn run(program: &ServerProcessBuilder, arguments: &[&str], input: &str) -> Output {
    let mut command = program.command(arguments);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that reads nothing may have ended already.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    child.wait_with_output().await.unwrap()
}

/// What a command that succeeds prints.
async fn succeed(program: &ServerProcessBuilder, arguments: &[&str], input: &str) -> String {
    let output = run(program, arguments, input).await;
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a command that fails says.
async fn fail(program: &ServerProcessBuilder, arguments: &[&str], input: &str) -> String {
    let output = run(program, arguments, input).await;
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

async fn create(program: &ServerProcessBuilder, username: &str) {
    let create = ["user", "create", username, "--password-stdin"];
    succeed(program, &create, PASSWORD).await;
}

#[tokio::test]
async fn accounts_are_made_listed_and_kept_out() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder);
    create(&program, "ines").await;
    create(&program, "tomas").await;
    let again = ["user", "create", "INES", "--password-stdin"];
    assert!(
        fail(&program, &again, PASSWORD)
            .await
            .contains("username_taken")
    );
    let short = ["user", "create", "ana", "--password-stdin"];
    assert!(
        fail(&program, &short, "corta")
            .await
            .contains("shorter than 8")
    );

    let names = |list: &str| -> Vec<String> {
        let name = |line: &str| line.split('\t').nth(2).unwrap().to_owned();
        list.lines().map(name).collect()
    };
    let list = ["user", "list"];
    assert_eq!(
        names(&succeed(&program, &list, "").await),
        ["ines", "tomas"]
    );
    succeed(&program, &["user", "suspend", "ines"], "").await;
    assert_eq!(names(&succeed(&program, &list, "").await), ["tomas"]);
    succeed(&program, &["user", "restore", "ines"], "").await;
    let some = ["user", "list", "in"];
    assert_eq!(names(&succeed(&program, &some, "").await), ["ines"]);

    let unsure = fail(&program, &["user", "delete", "ines"], "").await;
    assert!(unsure.contains("--yes"), "{unsure}");
    succeed(&program, &["user", "delete", "ines", "--yes"], "").await;
    assert_eq!(names(&succeed(&program, &list, "").await), ["tomas"]);
    let nobody = fail(&program, &["user", "suspend", "nadie"], "").await;
    assert!(nobody.contains("there is no user nadie"), "{nobody}");
}

#[tokio::test]
async fn a_password_is_not_asked_for_where_nobody_can_answer() {
    let folder = tempfile::tempdir().unwrap();
    let said = fail(&program(&folder), &["user", "create", "ines"], PASSWORD).await;
    assert!(said.contains("--password-stdin"), "{said}");
}

#[tokio::test]
async fn rooms_are_made_listed_and_closed_by_their_owner() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder);
    create(&program, "ines").await;
    create(&program, "tomas").await;
    let room = [
        "room",
        "create",
        "Cafetal",
        "--owner",
        "ines",
        "--members",
        "tomas",
    ];
    let made = succeed(&program, &room, "").await;
    let number = made.split('\t').next().unwrap();

    let list = succeed(&program, &["room", "list", "tomas"], "").await;
    assert_eq!(list.lines().count(), 1);
    assert!(list.ends_with("\tgroup\t0\tCafetal\n"), "{list}");
    let members = succeed(&program, &["room", "members", number, "--as", "tomas"], "").await;
    assert_eq!(members, "1\towner\tines\n2\tmember\ttomas\n");

    let refused = fail(&program, &["room", "close", number, "--as", "tomas"], "").await;
    assert!(refused.contains("role_too_low"), "{refused}");
    succeed(&program, &["room", "close", number, "--as", "ines"], "").await;
    assert_eq!(succeed(&program, &["room", "list", "tomas"], "").await, "");
}

#[tokio::test]
async fn an_issued_token_is_taken_by_the_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder);
    create(&program, "ines").await;
    let mut server = program.spawn().await;
    let token = succeed(&program, &["token", "ines", "--lifetime", "5"], "").await;
    let me = server.http().bearer(token.trim()).get("/v1/me").await;
    assert_eq!(me.status, 200, "{}", me.text());
    assert_eq!(me.json()["username"], "ines");

    succeed(&program, &["user", "suspend", "ines"], "").await;
    let refused = server.http().bearer(token.trim()).get("/v1/me").await;
    assert_eq!(refused.status, 401);
    server.kill().await;
}

/// S4: disabling a user and setting a password close live connections within 5 s.
#[tokio::test]
async fn the_running_server_closes_the_connections_that_a_command_ends() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder);
    let mut server = program.spawn().await;
    let http = server.http();
    let eva = http.v1_register("eva").await;
    let mut bystander = server.v1_socket("eva", &eva.token).await;
    for (username, command) in [
        ("ines", &["user", "suspend", "ines"][..]),
        ("tomas", &["user", "delete", "tomas", "--yes"]),
        ("ana", &["user", "password", "ana", "--password-stdin"]),
    ] {
        let account = http.v1_register(username).await;
        let mut v1 = server.v1_socket(username, &account.token).await;
        let mut kaapehchat = server.socket(username, "/").await;
        let hello = json!({ "type": "hello", "data": { "token": account.token } });
        kaapehchat.send(&hello).await;
        assert_eq!(kaapehchat.recv().await["type"], "hello:ok");

        succeed(&program, command, "otra clave bastante larga\n").await;
        let ended = Instant::now();
        assert_eq!(v1.expect("bye").await["reason"], "session_ended");
        let closed = Closed::Frame(4401, "session_ended".to_owned());
        assert_eq!(v1.recv_close().await, closed, "{username}");
        let refusal = json!({ "type": "error", "data": { "message": "Token inválido" } });
        assert_eq!(kaapehchat.recv().await, refusal, "{username}");
        let closed = Closed::Frame(1008, "session_ended".to_owned());
        assert_eq!(kaapehchat.recv_close().await, closed, "{username}");
        assert!(ended.elapsed() < SOON, "{username}");
    }
    bystander.expect_nothing_else().await;
    bystander.finish().await;
    server.kill().await;
}

/// What a command does to rooms, the running server tells nobody.
#[tokio::test]
async fn commands_on_rooms_say_when_they_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder);
    create(&program, "ines").await;
    for command in [
        &["room", "create", "Cafetal", "--owner", "ines"][..],
        &["room", "close", "1", "--as", "ines"],
    ] {
        let output = run(&program, command, "").await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        assert!(said.contains("vuelva a conectarse"), "{said}");
        assert!(said.contains("connects again"), "{said}");
    }
}

#[tokio::test]
async fn a_changed_password_is_the_one_that_counts() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder);
    create(&program, "ines").await;
    let change = ["user", "password", "ines", "--password-stdin"];
    succeed(&program, &change, "otra clave bastante larga\n").await;
    let mut server = program.spawn().await;
    let log_in = async |password: &str| {
        let login = json!({ "login": "ines", "password": password });
        server.http().post("/v1/auth/login", &login).await.status
    };
    assert_eq!(log_in(PASSWORD).await, 401);
    assert_eq!(log_in("otra clave bastante larga").await, 200);
    server.kill().await;
}

#[tokio::test]
async fn made_secrets_are_good_enough() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder);
    let secret = succeed(&program, &["token", "secret"], "").await;
    let other = succeed(&program, &["token", "secret"], "").await;
    assert_ne!(secret, other);
    let program = program.variable("TERTULIA_JWT_SECRET", secret.trim());
    succeed(&program, &["migrate"], "").await;
}

#[tokio::test]
async fn the_settings_in_force_are_shown_without_secrets() {
    const SECRET: &str = "k9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA";
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder).variable("TERTULIA_JWT_SECRET", SECRET);
    let shown = succeed(&program, &["config"], "").await;
    assert!(shown.contains("listen = "), "{shown}");
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(!folder.path().join("data").exists(), "nothing is made");
    let example = succeed(&program, &["config", "--example"], "").await;
    assert!(example.contains("data_dir"), "{example}");
}

#[tokio::test]
async fn the_health_check_tells_by_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = program(&folder).spawn().await;
    let address = server.address().to_string();
    let there = program(&folder).variable("TERTULIA_LISTEN", &address);
    succeed(&there, &["healthcheck"], "").await;
    server.kill().await;
    let said = fail(&there, &["healthcheck"], "").await;
    assert!(said.contains("does not answer"), "{said}");
}

#[tokio::test]
async fn the_health_check_knows_the_servers_own_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let made = rcgen::generate_simple_self_signed(["chat.example".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["chat.example".to_owned()]).unwrap();
    let key = write("key.pem", made.signing_key.serialize_pem());
    let certificate = write("cert.pem", made.cert.pem());
    let program = program(&folder)
        .variable("SSL_CERT", &certificate)
        .variable("SSL_KEY", &key);
    let mut server = program.spawn().await;
    let address = server.address().to_string();
    let program = program.variable("TERTULIA_LISTEN", &address);
    succeed(&program, &["healthcheck"], "").await;

    write("cert.pem", other.cert.pem());
    fail(&program, &["healthcheck"], "").await;
    server.kill().await;
}

/// `web-and-ops.md` §5: HUP reads certificate and log settings again.
#[cfg(unix)]
#[tokio::test]
async fn hup_takes_up_a_new_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let make = || rcgen::generate_simple_self_signed(["chat.example".to_owned()]).unwrap();
    let (old, new) = (make(), make());
    let program = program(&folder)
        .variable("SSL_CERT", &write("cert.pem", old.cert.pem()))
        .variable(
            "SSL_KEY",
            &write("key.pem", old.signing_key.serialize_pem()),
        );
    let mut server = program.spawn().await;
    let address = server.address().to_string();
    let program = program.variable("TERTULIA_LISTEN", &address);

    write("cert.pem", new.cert.pem());
    write("key.pem", new.signing_key.serialize_pem());
    fail(&program, &["healthcheck"], "").await;
    server.hang_up();
    server.wait_for_log("were read anew").await;
    succeed(&program, &["healthcheck"], "").await;
    server.kill().await;
}

#[tokio::test]
async fn help_speaks_both_languages() {
    let folder = tempfile::tempdir().unwrap();
    let help = succeed(&program(&folder), &["--help"], "").await;
    assert!(help.contains("un servidor de chat"), "{help}");
    assert!(help.contains("a chat server"), "{help}");
}
