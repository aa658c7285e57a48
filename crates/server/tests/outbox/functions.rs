//! The SQL functions of REDUP (contracts/redup.md, "Functions"), called by an app
//! through real SQL. Only PostgreSQL has them.

use serde_json::{Value, json};
use tertulia_testkit::{HttpClient, SqlClient, TestServer, V1Account};
use tokio::time::timeout;

use crate::{PATIENCE, ana_and_beto, group, said, settled, texts};

/// A server on PostgreSQL with two people.
struct World {
    server: TestServer,
    app: SqlClient,
    http: HttpClient,
    ana: V1Account,
    beto: V1Account,
}

impl World {
    /// None on another database.
    async fn new() -> Option<Self> {
        if !SqlClient::is_on_postgres() {
            return None;
        }
        let server = TestServer::spawn().await;
        let http = server.http();
        let (ana, beto) = ana_and_beto(&http).await;
        Some(Self {
            app: server.sql().await,
            ana,
            beto,
            http,
            server,
        })
    }

    /// A row of numbers as a function returns it.
    async fn call(&mut self, sql: &str) -> Vec<String> {
        let rows = self.app.rows(sql).await;
        let [row] = &rows[..] else {
            panic!("{sql}: {} rows", rows.len());
        };
        row.iter().map(|it| it.clone().expect("a number")).collect()
    }

    async fn refusal(&mut self, sql: &str) -> String {
        self.app.try_run(sql).await.expect_err("it is refused")
    }
}

async fn message(reader: &mut tertulia_testkit::V1Client) -> Value {
    reader.expect("message").await["message"].clone()
}

/// `fn_enviar_mensaje_directo`: sender, recipient, kind, content, url, metadata →
/// (chat id, message id).
#[tokio::test]
async fn fn_enviar_mensaje_directo_returns_the_numbers_that_chat_and_message_get() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let mut reader = world.server.v1_socket("beto", &world.beto.token).await;
    let (a, b) = (world.ana.id.clone(), world.beto.id.clone());
    world.app.run("BEGIN").await;
    let call = format!("SELECT sala_chat_id, mensaje_id FROM fn_enviar_mensaje_directo({a}, {b}");
    let first = world.call(&format!("{call}, 'texto', 'hola')")).await;
    let second = world
        .call(&format!(
            "{call}, p_contenido => 'otra', p_metadatos => '{{\"origen\": \"app\"}}')"
        ))
        .await;
    world.app.run("COMMIT").await;
    assert_eq!(first[0], second[0], "one chat for each pair");
    assert_ne!(first[1], second[1]);

    reader.expect("room").await;
    for (numbers, text) in [(&first, "hola"), (&second, "otra")] {
        let message = message(&mut reader).await;
        assert_eq!(message["room_id"], numbers[0].as_str());
        assert_eq!(message["id"], numbers[1].as_str());
        assert_eq!(message["text"], text);
        assert_eq!(message["sender"]["id"], a.as_str());
    }
    let history = world.http.bearer(&world.beto.token);
    let path = format!("/v1/rooms/{}/messages/{}/receipts", first[0], first[1]);
    let receipts = history.get(&path).await.json();
    assert_eq!(
        receipts["items"].as_array().map(Vec::len),
        Some(1),
        "{receipts}"
    );
    reader.finish().await;
    world.server.shutdown().await;
}

#[tokio::test]
async fn a_promise_of_a_transaction_that_is_rolled_back_means_nothing() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let (a, b) = (world.ana.id.clone(), world.beto.id.clone());
    let call = format!("SELECT * FROM fn_enviar_mensaje_directo({a}, {b}, 'texto', 'hola')");
    world.app.run("BEGIN").await;
    let lost = world.call(&call).await;
    world.app.run("ROLLBACK").await;
    let kept = world.call(&call).await;
    assert_ne!(lost[1], kept[1]);
    settled(&mut world.app).await;
    assert_eq!(texts(&mut world.app, &kept[0]).await, ["hola"]);
    assert_eq!(world.app.value("SELECT COUNT(*) FROM messages").await, "1");
    world.server.shutdown().await;
}

/// A file by its address, with and without words, as REDUP's clients send it.
#[tokio::test]
async fn fn_enviar_mensaje_directo_takes_kinds_and_addresses_of_files() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let (a, b) = (world.ana.id.clone(), world.beto.id.clone());
    let url = "https://files.test/plano.png";
    for (kind, content) in [("imagen", "NULL"), ("archivo", "'mira'"), ("audio", "''")] {
        world
            .call(&format!(
                "SELECT * FROM fn_enviar_mensaje_directo({a}, {b}, '{kind}', {content}, '{url}')"
            ))
            .await;
    }
    settled(&mut world.app).await;
    let rows = "SELECT kind, text, metadata FROM messages ORDER BY seq";
    let rows = world.app.rows(rows).await;
    let said: Vec<_> = rows
        .iter()
        .map(|row| {
            let metadata = row[2].as_deref().expect("metadata");
            let metadata: Value = serde_json::from_str(metadata).expect("JSON");
            (row[0].clone(), row[1].clone(), metadata)
        })
        .collect();
    let some = |text: &str| Some(text.to_owned());
    let bare = json!({"socketio.url_archivo": url, "socketio.no_text": true});
    let with_words = json!({"socketio.url_archivo": url});
    assert_eq!(
        said,
        [
            (some("1"), some(url), bare.clone()),
            (some("2"), some("mira"), with_words),
            (some("3"), some(url), bare),
        ]
    );
    for (arguments, why) in [
        (
            "'sistema', 'x'",
            "Los mensajes de sistema los escribe el servidor",
        ),
        ("'texto', ' '", "El mensaje necesita contenido o archivo"),
        (
            "'texto', 'x', NULL, '[1]'",
            "Los metadatos deben ser un objeto JSON",
        ),
    ] {
        let sql = format!("SELECT * FROM fn_enviar_mensaje_directo({a}, {b}, {arguments})");
        assert_eq!(world.refusal(&sql).await, why);
    }
    world.server.shutdown().await;
}

/// `fn_enviar_mensaje_grupal`: … → (chat id, message id, number of recipients);
/// the sender must be a member.
#[tokio::test]
async fn fn_enviar_mensaje_grupal_counts_recipients_and_refuses_strangers() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let eva = world.http.v1_register("eva").await;
    let zoe = world.http.v1_register("zoe").await;
    let room = group(&world.http, &[&world.ana, &world.beto, &eva]).await;
    let mut reader = world.server.v1_socket("eva", &eva.token).await;
    let call = |sender: &str| {
        format!("SELECT * FROM fn_enviar_mensaje_grupal({sender}, {room}, 'texto', 'a todos')")
    };
    let sent = world.call(&call(&world.ana.id.clone())).await;
    assert_eq!((&sent[0], sent[2].as_str()), (&room, "2"));
    let message = message(&mut reader).await;
    assert_eq!(message["id"], sent[1].as_str());
    assert_eq!(message["seq"], 1);
    let refusal = world.refusal(&call(&zoe.id)).await;
    let why = format!("El usuario {} no pertenece al grupo {room}", zoe.id);
    assert_eq!(refusal, why);
    let direct = format!(
        "SELECT fn_obtener_o_crear_sala_directa({}, {})",
        world.ana.id, world.beto.id
    );
    let direct = world.call(&direct).await.remove(0);
    settled(&mut world.app).await;
    let sql = format!(
        "SELECT * FROM fn_enviar_mensaje_grupal({}, {direct}, 'texto', 'x')",
        world.ana.id
    );
    let refusal = world.refusal(&sql).await;
    assert!(
        refusal.ends_with(&format!("al grupo {direct}")),
        "{refusal}"
    );
    reader.finish().await;
    world.server.shutdown().await;
}

/// `fn_obtener_o_crear_sala_directa`: user, user → chat id; not with oneself.
#[tokio::test]
async fn fn_obtener_o_crear_sala_directa_gives_one_chat_for_each_pair() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let (a, b) = (world.ana.id.clone(), world.beto.id.clone());
    let open =
        |one: &str, other: &str| format!("SELECT fn_obtener_o_crear_sala_directa({one}, {other})");
    world.app.run("BEGIN").await;
    let promised = world.call(&open(&a, &b)).await;
    assert_eq!(world.call(&open(&b, &a)).await, promised);
    world.app.run("COMMIT").await;
    settled(&mut world.app).await;
    assert_eq!(world.call(&open(&a, &b)).await, promised);
    let own = world.http.bearer(&world.ana.token);
    let room = own.get(&format!("/v1/rooms/{}", promised[0])).await;
    assert_eq!(room.json()["kind"], "direct", "{}", room.text());
    let waits = "SELECT COUNT(*) FROM outbox WHERE state = 'waiting'";
    assert_eq!(
        world.app.value(waits).await,
        "0",
        "it is there: nothing to ask for"
    );
    assert_eq!(
        world.refusal(&open(&a, &a)).await,
        "No se puede abrir chat directo con el mismo usuario"
    );
    assert_eq!(
        world.refusal(&open(&a, "9999")).await,
        "No existe el usuario 9999"
    );
    // One that people opened by themselves is found, too.
    let eva = world.http.v1_register("eva").await;
    let draft = json!({"kind": "direct", "members": [eva.id]});
    let made = own.post("/v1/rooms", &draft).await;
    assert_eq!(
        world.call(&open(&eva.id, &a)).await,
        [made.json()["id"].as_str().unwrap()]
    );
    world.server.shutdown().await;
}

/// Somebody opens the chat by the API while its number is promised: it gets that
/// number.
#[tokio::test]
async fn a_promised_chat_that_somebody_else_opens_first_keeps_its_number() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let (a, b) = (world.ana.id.clone(), world.beto.id.clone());
    let mut witness = world.server.sql().await;
    world.app.run("BEGIN").await;
    let own_process = world.app.value("SELECT pg_backend_pid()").await;
    let promised = world
        .call(&format!("SELECT fn_obtener_o_crear_sala_directa({a}, {b})"))
        .await;
    let own = world.http.bearer(&world.beto.token);
    let draft = json!({"kind": "direct", "members": [a]});
    let waits = format!(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE {own_process} = ANY(pg_blocking_pids(pid))"
    );
    let commit = async {
        let until_it_waits = async {
            while witness.value(&waits).await == "0" {
                tokio::task::yield_now().await;
            }
        };
        let in_time = timeout(PATIENCE, until_it_waits).await;
        assert!(in_time.is_ok(), "nobody waits for the app's transaction");
        world.app.run("COMMIT").await;
    };
    let (made, ()) = tokio::join!(own.post("/v1/rooms", &draft), commit);
    assert_eq!(made.json()["id"], promised[0].as_str(), "{}", made.text());
    settled(&mut world.app).await;
    world.server.shutdown().await;
}

/// `fn_marcar_mensaje_entregado`, `fn_marcar_mensaje_leido`: message, user; first
/// time kept, read implies delivered, only existing recipients.
#[tokio::test]
async fn fn_marcar_mensaje_marks_once_and_only_for_recipients() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let zoe = world.http.v1_register("zoe").await;
    let room = group(&world.http, &[&world.ana, &world.beto]).await;
    let mut author = world.server.v1_socket("ana", &world.ana.token).await;
    let (a, b) = (world.ana.id.clone(), world.beto.id.clone());
    // In one transaction with the message itself, whose number is known.
    world.app.run("BEGIN").await;
    let sent = world
        .call(&format!(
            "SELECT * FROM fn_enviar_mensaje_grupal({a}, {room}, 'texto', '¿leíste?')"
        ))
        .await;
    let id = sent[1].clone();
    let mark = |which: &str, user: &str| format!("SELECT fn_marcar_mensaje_{which}({id}, {user})");
    world.app.run(&mark("leido", &b)).await;
    world.app.run("COMMIT").await;
    let (by, _) = said(&author.expect("message").await);
    assert_eq!(by, a);
    let receipt = author.expect("receipt").await;
    assert_eq!(receipt["user_id"], b.as_str(), "{receipt}");
    for (which, user) in [("entregado", &b), ("leido", &b), ("leido", &zoe.id)] {
        world.app.run(&mark(which, user)).await;
    }
    settled(&mut world.app).await;
    author.expect_nothing_else().await;
    let marks = "SELECT kind, from_seq, to_seq FROM receipts ORDER BY kind";
    let marks = world.app.rows(marks).await;
    assert_eq!(marks.len(), 2, "delivered and read, once: {marks:?}");
    let reasons = "SELECT reason FROM outbox WHERE state = 'refused'";
    assert_eq!(world.app.value(reasons).await, "not_a_member", "zoe's");
    author.finish().await;
    world.server.shutdown().await;
}

/// The grants of docs/en/outbox.md, and no more than they say.
#[tokio::test]
async fn an_app_with_a_role_of_its_own_may_ask_and_nothing_else() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let (a, b) = (world.ana.id.clone(), world.beto.id.clone());
    let schema = world.app.value("SELECT current_schema()").await;
    let role = format!("app_{schema}");
    world
        .app
        .run(&format!(
            "CREATE ROLE {role};
             GRANT USAGE ON SCHEMA {schema} TO {role};
             GRANT SELECT, INSERT (action, sender_id, sender, room_id, room, recipient_id, recipient,
                                   kind, text, reply_to, file_ids, client_id, metadata, target_id)
                 ON {schema}.outbox TO {role};
             SET ROLE {role}"
        ))
        .await;
    let insert = |columns: &str, values: &str| {
        format!(
            "INSERT INTO {schema}.outbox (sender_id, recipient_id, {columns}) VALUES ({a}, {b}, {values})"
        )
    };
    world.app.run(&insert("text", "'hola'")).await;
    for (columns, values) in [("state", "'sent'"), ("message_id", "1"), ("id", "1")] {
        let refusal = world.refusal(&insert(columns, values)).await;
        assert!(refusal.contains("permission denied"), "{refusal}");
    }
    let call = format!("SELECT * FROM fn_enviar_mensaje_directo({a}, {b}, 'texto', 'hola')");
    for sql in [
        &call,
        "SELECT text FROM messages",
        "SELECT tertulia_ask_to_send(1, 1, 1, 'texto', '', '', '{}')",
    ] {
        let refusal = world.refusal(sql).await;
        assert!(refusal.contains("permission denied"), "{refusal}");
    }
    let grant = format!(
        "RESET ROLE; GRANT EXECUTE ON FUNCTION fn_enviar_mensaje_directo TO {role}; SET ROLE {role}"
    );
    world.app.run(&grant).await;
    let sent = world.call(&call).await;
    settled(&mut world.app).await;
    world
        .app
        .run(&format!(
            "RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}"
        ))
        .await;
    assert_eq!(texts(&mut world.app, &sent[0]).await, ["hola", "hola"]);
    world.server.shutdown().await;
}
