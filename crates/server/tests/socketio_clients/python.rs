//! `python-socketio` 5.x of PyPI, which had no part in writing this server.

use tokio::process::Command;

use crate::programs::{PROOFS, Stage, TRANSPORTS, goes_through, provided, script, url};

const INTERPRETER: &str = "TERTULIA_TEST_PYTHON";

/// contracts/upred.md §7 and contracts/redup.md §7, over every transport.
#[tokio::test]
async fn the_example_sessions_in_python() {
    let Some(interpreter) = provided(INTERPRETER) else {
        return;
    };
    for proof in PROOFS {
        for transport in TRANSPORTS {
            for (session, names) in [("upred", ["31", "58"]), ("redup", ["ana", "beto"])] {
                let stage = Stage::new(proof, names).await;
                let group = match session {
                    "upred" => stage.group.as_str(),
                    _ => "grupo_lab",
                };
                let mut program = Command::new(&interpreter);
                program
                    .arg(script("python/socketio_session.py"))
                    .args([session, &url(&stage.server), transport])
                    .args(stage.arguments())
                    .arg(group)
                    .env("PYTHONDONTWRITEBYTECODE", "1")
                    .kill_on_drop(true);
                let what = format!("{session}, {proof:?}, {transport}");
                goes_through(&mut program, &what).await;
                stage.server.shutdown().await;
            }
        }
    }
}
