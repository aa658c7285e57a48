//! `tertulia copy`, `export`, `import`: the server moves to another database, and
//! nobody notices; a person takes along what is its own.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tertulia_testkit::{
    Form, HttpClient, PASSWORD, ServerProcess, ServerProcessBuilder, SqlClient,
};
use tokio::io::{AsyncBufReadExt, BufReader};
use uuid::Uuid;

use crate::{BINARY, fail, succeed};

/// The program over one data folder and this database; its files lie in the
/// folder `files` of the name.
fn over(folder: &TempDir, database: &str, files: &str) -> ServerProcessBuilder {
    ServerProcess::builder(BINARY, folder.path().join("data"))
        .variable("TERTULIA_DATABASE_URL", database)
        .variable("TERTULIA_FILES_URL", &files_url(folder, files))
}

fn files_url(folder: &TempDir, name: &str) -> String {
    format!("file:{}", folder.path().join(name).display())
}

fn sqlite(path: &Path, name: &str) -> String {
    format!("sqlite:{}", path.join(name).display())
}

/// A new database on each server that the test command has started, and a file.
fn targets(folder: &TempDir) -> Vec<String> {
    let name = format!("t{}", Uuid::new_v4().simple());
    #[expect(clippy::disallowed_methods, reason = "how the test command says it")]
    let server = |variable: &str| std::env::var(variable).ok();
    let postgres = server("TERTULIA_TEST_POSTGRES").map(|url| format!("{url}?schema={name}"));
    let mariadb = server("TERTULIA_TEST_MARIADB").and_then(|url| {
        let (server, _) = url.rsplit_once('/')?;
        Some(format!("{server}/{name}"))
    });
    let file = sqlite(folder.path(), "target.db");
    [postgres, mariadb, Some(file)]
        .into_iter()
        .flatten()
        .collect()
}

async fn upload(http: &HttpClient, content: &str) -> Value {
    let form = Form::default().file("file", "nota.txt", content.as_bytes());
    let request = http.request(Method::POST, "/v1/files").form(form);
    let sent = request.send().await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    sent.json()
}

async fn say(http: &HttpClient, room: &str, body: &Value) -> Value {
    let said = http.post(&format!("/v1/rooms/{room}/messages"), body).await;
    assert_eq!(said.status, 201, "{}", said.text());
    said.json()
}

async fn log_in(http: &HttpClient, username: &str) -> HttpClient {
    let login = json!({ "login": username, "password": PASSWORD });
    let answer = http.post("/v1/auth/login", &login).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    http.bearer(answer.json()["access_token"].as_str().unwrap())
}

/// Without what is signed anew at each look.
fn without_links(mut messages: Value) -> Value {
    for message in messages["items"].as_array_mut().unwrap() {
        for file in message["files"].as_array_mut().unwrap() {
            file.as_object_mut()
                .unwrap()
                .retain(|key, _| !key.contains("url"));
        }
    }
    messages
}

async fn history(http: &HttpClient, room: &str) -> Value {
    let messages = http.get(&format!("/v1/rooms/{room}/messages")).await;
    assert_eq!(messages.status, 200, "{}", messages.text());
    without_links(messages.json())
}

/// What a server has said and stored: a room with a file, an edit, a deletion.
async fn fill(server: &ServerProcess) -> (String, String, Value) {
    let http = server.http();
    let (ines, tomas) = (
        http.v1_register("ines").await,
        http.v1_register("tomas").await,
    );
    let own = http.bearer(&ines.token);
    let group = json!({ "kind": "group", "title": "Cafetal", "members": [tomas.id] });
    let room = own.post("/v1/rooms", &group).await.json();
    let room = room["id"].as_str().unwrap().to_owned();
    let first = say(
        &own,
        &room,
        &json!({ "text": "hola \u{0} 🦜", "client_id": "c1" }),
    )
    .await;
    let second = say(
        &own,
        &room,
        &json!({ "text": "uno", "reply_to": first["id"] }),
    )
    .await;
    let third = say(&own, &room, &json!({ "text": "tres" })).await;
    let path = |message: &Value| {
        let id = message["id"].as_str().unwrap();
        format!("/v1/rooms/{room}/messages/{id}")
    };
    let edited = own.patch(&path(&second), &json!({ "text": "dos" })).await;
    assert_eq!(edited.status, 200, "{}", edited.text());
    assert_eq!(own.delete(&path(&third)).await.status, 204);
    let file = upload(&own, "lo que dice").await;
    say(&own, &room, &json!({ "file_ids": [file["id"]] })).await;
    let seen = history(&own, &room).await;
    (ines.token, room, seen)
}

#[tokio::test]
async fn a_server_goes_on_with_the_copy() {
    let folder = tempfile::tempdir().unwrap();
    let origin = sqlite(folder.path(), "origin.db");
    let program = over(&folder, &origin, "files");
    let mut server = program.spawn().await;
    let (token, room, before) = fill(&server).await;
    let to = sqlite(folder.path(), "no.db");
    let in_use = fail(&program, &["copy", "--from", &origin, "--to", &to], "").await;
    assert!(in_use.contains("stop the server"), "{in_use}");
    server.kill().await;

    for (number, target) in targets(&folder).iter().enumerate() {
        let new_files = format!("files-{number}");
        let (files_from, files_to) = (files_url(&folder, "files"), files_url(&folder, &new_files));
        let copy = [
            "copy",
            "--from",
            &origin,
            "--to",
            target,
            "--files-from",
            &files_from,
            "--files-to",
            &files_to,
        ];
        let said = succeed(&program, &copy, "").await;
        assert!(
            said.contains("la copia es igual / the copy is the same"),
            "{said}"
        );
        assert!(
            said.lines().any(|line| line.starts_with("messages\t4\t")),
            "{said}"
        );
        let again = fail(&program, &copy, "").await;
        assert!(again.contains("the target is not empty"), "{again}");

        let mut server = over(&folder, target, &new_files).spawn().await;
        let http = server.http();
        // Sessions go along, and so do passwords.
        let ines = http.bearer(&token);
        assert_eq!(history(&ines, &room).await, before, "{target}");
        let files = ines.get("/v1/files").await.json();
        let url = files["items"][0]["url"].as_str().unwrap();
        assert_eq!(ines.get(url).await.text(), "lo que dice");
        let tomas = log_in(&http, "tomas").await;
        let next = say(&tomas, &room, &json!({ "text": "seguimos" })).await;
        assert_eq!(next["seq"], 5, "{next}");
        let repeat = json!({ "text": "hola \u{0} 🦜", "client_id": "c1" });
        let repeat = ines
            .post(&format!("/v1/rooms/{room}/messages"), &repeat)
            .await;
        assert_eq!(
            (repeat.status.as_u16(), &repeat.json()["seq"]),
            (200, &json!(1))
        );
        server.kill().await;
    }
}

/// Runs a copy and kills it (SIGKILL) once it has said a line that begins so;
/// whether it was still going on.
async fn killed_at(program: &ServerProcessBuilder, copy: &[&str], said: &str) -> bool {
    let mut child = program.command(copy).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.starts_with(said) {
            child.kill().await.unwrap();
            return child.wait().await.unwrap().signal() == Some(9);
        }
    }
    panic!("never said: {said}");
}

/// Wherever it is killed, the target is served by nobody, and the next copy into it
/// is the whole.
#[tokio::test]
async fn a_copy_that_is_killed_is_made_again() {
    const MESSAGES: u32 = 10_000;
    let folder = tempfile::tempdir().unwrap();
    let origin = sqlite(folder.path(), "origin.db");
    let program = over(&folder, &origin, "files");
    let mut server = program.spawn().await;
    let (_, room, _) = fill(&server).await;
    server.kill().await;
    let mut rows = SqlClient::of_file(&folder.path().join("origin.db"));
    rows.run(&format!(
        "WITH RECURSIVE more (seq) AS
         (SELECT 5 UNION ALL SELECT seq + 1 FROM more WHERE seq < {MESSAGES})
         INSERT INTO messages (id, room_id, seq, sender_id, kind, text, created_at, revision)
         SELECT 100000 + seq, {room}, seq, 1, 0, 'mensaje ' || seq, seq, 0 FROM more"
    ))
    .await;
    rows.run(
        "INSERT INTO message_places (room_id, seq, message_id)
         SELECT room_id, seq, id FROM messages WHERE id > 100000",
    )
    .await;
    rows.run(&format!(
        "UPDATE room_heads SET last_seq = {MESSAGES} WHERE room_id = {room}"
    ))
    .await;
    drop(rows);
    let before = succeed(&program, &["export", "-"], "").await;
    for target in targets(&folder) {
        let copy = ["copy", "--from", &origin, "--to", &target];
        let on_target = over(&folder, &target, "files");
        let mut in_the_middle = 0;
        for said in ["memberships: ", "messages: 4096 "] {
            if !killed_at(&program, &copy, said).await {
                continue;
            }
            in_the_middle += 1;
            let refused = fail(&on_target, &["export", "-"], "").await;
            assert!(refused.contains("a copy was broken off"), "{refused}");
        }
        assert!(
            in_the_middle > 0,
            "{target}: every copy ended before its kill"
        );
        let said = succeed(&program, &copy, "").await;
        assert!(said.contains("the copy is the same"), "{said}");
        let after = succeed(&on_target, &["export", "-"], "").await;
        assert!(before == after, "{target}: an export of the copy differs");
    }
}

#[tokio::test]
async fn what_cannot_be_copied_is_said_in_both_languages() {
    let folder = tempfile::tempdir().unwrap();
    let program = over(&folder, &sqlite(folder.path(), "chat.db"), "files");
    let to = sqlite(folder.path(), "to.db");
    let nowhere = sqlite(folder.path(), "nowhere.db");
    let said = fail(&program, &["copy", "--from", &nowhere, "--to", &to], "").await;
    assert!(said.contains("no se puede usar"), "{said}");
    assert!(said.contains("cannot be used"), "{said}");
    assert!(!folder.path().join("to.db").exists(), "nothing is made");
    let odd = fail(&program, &["copy", "--from", "chat.db", "--to", &to], "").await;
    assert!(
        odd.contains("se espera") && odd.contains("expected"),
        "{odd}"
    );
    let half = [
        "copy",
        "--from",
        &nowhere,
        "--to",
        &to,
        "--files-to",
        "file:x",
    ];
    let half = fail(&program, &half, "").await;
    assert!(half.contains("--files-from"), "{half}");
}

/// The same by JSON Lines, which are written while the server runs.
#[tokio::test]
async fn a_server_goes_on_with_an_import() {
    let folder = tempfile::tempdir().unwrap();
    let origin = sqlite(folder.path(), "origin.db");
    let program = over(&folder, &origin, "files");
    let mut server = program.spawn().await;
    let (token, room, before) = fill(&server).await;
    let lines = folder.path().join("all.jsonl").display().to_string();
    succeed(&program, &["export", &lines], "").await;
    let again = fail(&program, &["export", &lines], "").await;
    assert!(
        again.contains("cannot be made"),
        "nothing is overwritten: {again}"
    );
    let in_use = fail(&program, &["import", "v1", &lines], "").await;
    assert!(in_use.contains("stop the server"), "{in_use}");
    server.kill().await;

    for target in targets(&folder) {
        let program = over(&folder, &target, "files");
        let said = succeed(&program, &["import", "v1", &lines], "").await;
        assert!(said.contains("ya estaban / there before: 0"), "{said}");
        let said = succeed(&program, &["import", "v1", &lines], "").await;
        assert!(said.contains("nuevas / new: 0"), "{said}");
        let mut server = program.spawn().await;
        // Logins do not go along; passwords do.
        let refused = server.http().bearer(&token).get("/v1/me").await;
        assert_eq!(refused.status, 401);
        let ines = log_in(&server.http(), "ines").await;
        assert_eq!(history(&ines, &room).await, before, "{target}");
        let files = ines.get("/v1/files").await.json();
        let url = files["items"][0]["url"].as_str().unwrap();
        assert_eq!(ines.get(url).await.text(), "lo que dice");
        let next = say(&ines, &room, &json!({ "text": "seguimos" })).await;
        assert_eq!(next["seq"], 5, "{next}");
        server.kill().await;
    }
    let bad = succeed(&over(&folder, &origin, "files"), &["export", "-"], "").await;
    let bad = bad.replacen("\"state\":\"active\"", "\"state\":\"king\"", 1);
    let fresh = over(&folder, &sqlite(folder.path(), "fresh.db"), "files");
    let said = fail(&fresh, &["import", "v1", "-"], &bad).await;
    assert!(said.contains("línea 2: state no tiene"), "{said}");
    assert!(said.contains("line 2: state has no"), "{said}");
}

#[tokio::test]
async fn a_person_takes_along_what_is_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let program = over(&folder, &sqlite(folder.path(), "chat.db"), "files");
    let mut server = program.spawn().await;
    let (_, room, _) = fill(&server).await;
    let tomas = log_in(&server.http(), "tomas").await;
    say(&tomas, &room, &json!({ "text": "de otro" })).await;
    let files = folder.path().join("ines-files");
    let to_folder = [
        "user",
        "export",
        "ines",
        "-",
        "--files",
        files.to_str().unwrap(),
    ];
    let lines = succeed(&program, &to_folder, "").await;
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let texts: Vec<_> = lines
        .iter()
        .filter(|line| line["type"] == "message")
        .map(|line| line["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["hola \u{0} 🦜", "dos", "", ""]);
    let file = lines.iter().find(|line| line["type"] == "file").unwrap();
    assert_eq!(file["name"], "nota.txt");
    let name = format!("{}.txt", file["id"].as_str().unwrap());
    assert_eq!(
        std::fs::read_to_string(files.join(&name)).unwrap(),
        "lo que dice"
    );
    #[cfg(unix)]
    for (path, mode) in [(files.clone(), 0o700), (files.join(name), 0o600)] {
        use std::os::unix::fs::PermissionsExt;
        let found = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{}", path.display());
    }
    let nobody = fail(&program, &["user", "export", "nadie"], "").await;
    assert!(nobody.contains("there is no user nadie"), "{nobody}");
    server.kill().await;
}

/// An export that fails leaves no file that would be in the way of the next.
#[tokio::test]
async fn an_export_that_fails_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let program = over(&folder, &sqlite(folder.path(), "none.db"), "files");
    let lines = folder.path().join("lines");
    let failed = fail(&program, &["export", lines.to_str().unwrap()], "").await;
    assert!(failed.contains("the database cannot be used"), "{failed}");
    assert!(!lines.exists());
}

/// What an erased person said, its files and its name are gone from histories, at
/// once and in a server that runs; what others said stays.
#[tokio::test]
async fn an_erased_person_leaves_places_and_a_pseudonym() {
    let folder = tempfile::tempdir().unwrap();
    let program = over(&folder, &sqlite(folder.path(), "chat.db"), "files");
    let mut server = program.spawn().await;
    let (token, room, before) = fill(&server).await;
    let http = server.http();
    let tomas = log_in(&http, "tomas").await;
    say(&tomas, &room, &json!({ "text": "de otro" })).await;
    let eva = http.v1_register("eva").await;
    let mut ines = server.v1_socket("ines", &token).await;
    let mut witness = server.v1_socket("eva", &eva.token).await;

    let unsure = fail(&program, &["user", "erase", "ines"], "").await;
    assert!(unsure.contains("--yes"), "{unsure}");
    let said = succeed(&program, &["user", "erase", "ines", "--yes"], "").await;
    assert_eq!(
        said,
        "borrado-1\tarchivos / files: 1\tmensajes / messages: 3\n"
    );
    assert_eq!(ines.expect("bye").await["reason"], "session_ended");
    ines.recv_close().await;
    // The server has looked at what commands wrote once eva is out.
    succeed(&program, &["user", "suspend", "eva"], "").await;
    assert_eq!(witness.expect("bye").await["reason"], "session_ended");
    witness.recv_close().await;

    let after = history(&tomas, &room).await;
    let after = after["items"].as_array().unwrap();
    assert_eq!(after.len(), before["items"].as_array().unwrap().len() + 1);
    for (place, message) in after.iter().enumerate() {
        assert_eq!(message["seq"], place + 1, "{message}");
        if message["text"] == "de otro" {
            continue;
        }
        assert_eq!(message["text"], "", "{message}");
        assert!(message["deleted_at"].is_string(), "{message}");
        assert_eq!(message["files"], json!([]));
        assert_eq!(message["sender"]["username"], "borrado-1", "{message}");
        assert_eq!(message["sender"]["display_name"], "borrado-1");
    }
    let left = walk(&folder.path().join("files"));
    assert_eq!(left, Vec::<std::path::PathBuf>::new(), "its file is gone");
    let login = json!({ "login": "ines", "password": PASSWORD });
    assert_eq!(http.post("/v1/auth/login", &login).await.status, 401);
    let gone = fail(&program, &["user", "erase", "ines", "--yes"], "").await;
    assert!(gone.contains("there is no user ines"), "{gone}");
    server.kill().await;
}

/// With its words kept, only the name goes; an erasure that was broken off is
/// done again by the same command.
#[tokio::test]
async fn words_can_stay_under_the_pseudonym() {
    let folder = tempfile::tempdir().unwrap();
    let program = over(&folder, &sqlite(folder.path(), "chat.db"), "files");
    let mut server = program.spawn().await;
    let (_, room, _) = fill(&server).await;
    server.kill().await;
    // As far as an erasure is when it has only begun.
    succeed(&program, &["user", "delete", "ines", "--yes"], "").await;
    let erase = ["user", "erase", "ines", "--yes", "--keep-messages"];
    let said = succeed(&program, &erase, "").await;
    assert_eq!(
        said,
        "borrado-1\tarchivos / files: 1\tmensajes / messages: 0\n"
    );
    let mut server = program.spawn().await;
    let tomas = log_in(&server.http(), "tomas").await;
    let after = history(&tomas, &room).await;
    let first = &after["items"][0];
    assert_eq!(first["text"], "hola \u{0} 🦜");
    assert_eq!(first["sender"]["username"], "borrado-1");
    server.kill().await;
}

/// All files below a folder.
fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found
}
