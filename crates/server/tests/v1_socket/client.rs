//! A client of `/v1/ws` that holds every frame to the contract.

use std::collections::VecDeque;
use std::sync::Arc;

use http::HeaderName;
use http::header::HeaderValue;
use serde_json::{Value, json};
use tertulia_testkit::{Closed, Socket, TestServer};

use crate::contract::Contract;

pub(crate) struct Client {
    socket: Socket,
    contract: Arc<Contract>,
    /// Events that came before an answer that was waited for.
    told: VecDeque<Value>,
    next_ref: u64,
}

impl Client {
    /// Opens a socket, which speaks for nobody yet. Errors come in English.
    pub(crate) async fn open(
        server: &TestServer,
        contract: &Arc<Contract>,
        name: &str,
        headers: &[(HeaderName, &str)],
    ) -> Self {
        let english = (
            http::header::ACCEPT_LANGUAGE,
            HeaderValue::from_static("en"),
        );
        let given = headers.iter().map(|(name, value)| {
            let value = HeaderValue::from_str(value).expect("the test's header is one");
            (name.clone(), value)
        });
        let headers: Vec<_> = std::iter::once(english).chain(given).collect();
        Self {
            socket: server.socket(name, "/v1/ws", &headers).await,
            contract: Arc::clone(contract),
            told: VecDeque::new(),
            next_ref: 1,
        }
    }

    /// Sends an op as it is.
    pub(crate) async fn send(&mut self, op: &Value) {
        self.socket.send(op).await;
    }

    /// Sends a text frame, whatever it is.
    pub(crate) async fn send_text(&mut self, text: &str) {
        self.socket.send_text(text).await;
    }

    /// Sends a binary frame.
    pub(crate) async fn send_binary(&mut self, bytes: &[u8]) {
        self.socket.send_binary(bytes).await;
    }

    /// Sends an op with a `ref` of its own, which is returned.
    pub(crate) async fn ask(&mut self, op: Value) -> String {
        let mut op = op;
        let faults = self.contract.faults_of_op(&op);
        assert!(faults.is_empty(), "the test sends {op}: {faults:?}");
        let reference = format!("r{}", self.next_ref);
        self.next_ref += 1;
        op["ref"] = json!(reference);
        self.send(&op).await;
        reference
    }

    /// Sends an op and takes its answer, and nothing else: events that come
    /// before it wait for [`event`](Self::event).
    pub(crate) async fn call(&mut self, op: Value) -> Value {
        let reference = self.ask(op).await;
        self.answer(&reference).await
    }

    /// Sends an op that must be carried out.
    pub(crate) async fn done(&mut self, op: Value) -> Value {
        let answer = self.call(op.clone()).await;
        assert_eq!(answer["ev"], "ok", "{op}: {answer}");
        answer
    }

    /// Sends an op that must be refused with this code.
    pub(crate) async fn refused(&mut self, op: Value, code: &str) -> Value {
        let answer = self.call(op.clone()).await;
        assert_eq!(
            (&answer["ev"], &answer["code"]),
            (&json!("error"), &json!(code)),
            "{op}: {answer}"
        );
        answer
    }

    /// The answer to an op. Answers come in the order of the ops.
    pub(crate) async fn answer(&mut self, reference: &str) -> Value {
        loop {
            let frame = self.recv().await;
            if frame["ref"] == reference {
                return frame;
            }
            assert!(
                frame.get("ref").is_none(),
                "the answer to another op: {frame}"
            );
            self.told.push_back(frame);
        }
    }

    /// The next frame from the socket, which must be as the contract says.
    pub(crate) async fn recv(&mut self) -> Value {
        let frame = self.socket.recv().await;
        let faults = self.contract.faults_of_event(&frame);
        assert!(faults.is_empty(), "{frame}: {faults:?}");
        frame
    }

    /// The next frame that is no answer waited for.
    pub(crate) async fn next(&mut self) -> Value {
        match self.told.pop_front() {
            Some(frame) => frame,
            None => self.recv().await,
        }
    }

    /// The same, and it must be this event.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        let frame = self.next().await;
        assert_eq!(frame["ev"], name, "{} received {frame}", self.socket.name());
        frame
    }

    /// Everything until an event of this name, without it.
    pub(crate) async fn until(&mut self, name: &str) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await;
            if frame["ev"] == name {
                return frames;
            }
            frames.push(frame);
        }
    }

    /// The seqs of the next so many events, all of this name.
    pub(crate) async fn take(&mut self, name: &str, count: usize) -> Vec<i64> {
        let mut seqs = Vec::with_capacity(count);
        while seqs.len() < count {
            let event = self.event(name).await;
            seqs.push(event["seq"].as_i64().expect("a number"));
        }
        seqs
    }

    /// So many answers, and as many events of this name.
    pub(crate) async fn answers_and(&mut self, name: &str, count: usize) {
        let (mut answers, mut events) = (0, 0);
        while answers < count || events < count {
            let frame = self.next().await;
            let counter = match frame["ev"].as_str() {
                Some("ok") => &mut answers,
                Some(event) if event == name => &mut events,
                _ => panic!("{} received {frame}", self.socket.name()),
            };
            *counter += 1;
        }
    }

    /// Signs in; answers with `ready` and with what was told until `live`.
    pub(crate) async fn auth(
        &mut self,
        token: &str,
        cursor: Option<&Value>,
    ) -> (Value, Vec<Value>) {
        let mut op = json!({"op": "auth", "token": token});
        if let Some(cursor) = cursor {
            op["cursor"] = cursor.clone();
        }
        let ready = self.call(op).await;
        assert_eq!(ready["ev"], "ready", "{ready}");
        let missed = self.until("live").await;
        (ready, missed)
    }

    /// Proves that nothing else was told: everything that is on its way comes
    /// before the answer to a ping, or after it and before that of the next.
    pub(crate) async fn nothing_else(&mut self) {
        for _ in 0..2 {
            self.done(json!({"op": "ping"})).await;
        }
        assert!(
            self.told.is_empty(),
            "{} received {:?}",
            self.socket.name(),
            self.told
        );
    }

    /// How the server ended the connection.
    pub(crate) async fn closed(&mut self) -> Closed {
        self.socket.recv_close().await
    }

    /// Closes, and checks that nothing was left unread.
    pub(crate) async fn finish(self) {
        assert!(self.told.is_empty(), "left unread: {:?}", self.told);
        self.socket.finish().await;
    }

    /// Drops the connection without a word.
    pub(crate) fn vanish(self) {
        self.socket.vanish();
    }
}

/// With these close code and reason.
pub(crate) fn closed(code: u16, reason: &str) -> Closed {
    Closed::Frame(code, reason.to_owned())
}
