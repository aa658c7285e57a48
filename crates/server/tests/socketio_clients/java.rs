//! The Android app's client, `io.socket:socket.io-client` 2.1.0. Its jars are in
//! no registry that the tests use: whoever has them names them.

use tokio::process::Command;

use crate::programs::{PROOFS, Stage, goes_through, provided, script, url};

/// A class path of the jars.
const JARS: &str = "TERTULIA_TEST_JAVA_CLIENT";

/// contracts/upred.md §7 over `websocket`, the app's one transport.
#[tokio::test]
async fn upreds_example_session_in_java() {
    let Some(jars) = provided(JARS) else {
        return;
    };
    for proof in PROOFS {
        let stage = Stage::new(proof, ["31", "58"]).await;
        let mut program = Command::new("java");
        program.arg("-cp").arg(&jars);
        program.arg(script("java/UpredSession.java"));
        program.arg(url(&stage.server));
        for person in &stage.people {
            program.arg(person["user_id"].as_str().unwrap());
            program.arg(person["token"].as_str().unwrap_or_default());
        }
        program.arg(&stage.group).kill_on_drop(true);
        goes_through(&mut program, &format!("{proof:?}")).await;
        stage.server.shutdown().await;
    }
}
