//! A real browser without a window, led over its own debugging protocol.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// How long a test waits for the browser before it fails. Long, since it only
/// passes when something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// Resolves once an element that the selector names holds the text.
const WAIT: &str = r#"
new Promise((resolve) => {
  const isThere = () => [...document.querySelectorAll(SELECTOR)]
    .some((element) => element.textContent.includes(TEXT));
  if (isThere()) { resolve(true); return; }
  new MutationObserver((_, observer) => {
    if (isThere()) { observer.disconnect(); resolve(true); }
  }).observe(document, { childList: true, subtree: true, characterData: true });
})"#;

/// A running browser with one page.
pub(crate) struct Browser {
    child: Child,
    socket: WebSocketStream<TcpStream>,
    /// The page, once there is one.
    session: Option<String>,
    last_id: u64,
    /// What it told and nobody asked for yet.
    events: VecDeque<Value>,
    requests: Vec<String>,
    complaints: Vec<String>,
    _profile: TempDir,
}

impl Browser {
    /// Starts the Chromium at `program`, without a way to any other machine.
    pub(crate) async fn start(program: &OsStr) -> Self {
        let profile = tempfile::tempdir().expect("a folder for the browser");
        let mut child = Command::new(program)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-dev-shm-usage", "--no-first-run"])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .args(["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"])
            .args([
                "--lang=en-US",
                "--window-size=1280,900",
                "--remote-debugging-port=0",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the browser starts");
        let stderr = child.stderr.take().expect("its errors are piped");
        let mut lines = BufReader::new(stderr).lines();
        let address = within(async {
            loop {
                let line = lines.next_line().await.expect("its output is text");
                let line = line.expect("it says where it listens before it ends");
                if let Some(address) = line.strip_prefix("DevTools listening on ") {
                    return address.to_owned();
                }
            }
        })
        .await;
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let mut browser = Self {
            child,
            socket: connect(&address).await,
            session: None,
            last_id: 0,
            events: VecDeque::new(),
            requests: Vec::new(),
            complaints: Vec::new(),
            _profile: profile,
        };
        browser.make_page().await;
        browser
    }

    async fn make_page(&mut self) {
        let target = self
            .call("Target.createTarget", json!({"url": "about:blank"}))
            .await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.call("Target.attachToTarget", attach).await;
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), json!({})).await;
        }
    }

    /// Opens an address and waits until the page has loaded.
    pub(crate) async fn open(&mut self, address: &str) {
        self.events.clear();
        self.call("Page.navigate", json!({"url": address})).await;
        while self.next_event().await["method"] != "Page.loadEventFired" {}
    }

    /// Waits until an element that the selector names holds the text.
    pub(crate) async fn wait_for(&mut self, selector: &str, text: &str) {
        let script = WAIT
            .replace("SELECTOR", &json!(selector).to_string())
            .replace("TEXT", &json!(text).to_string());
        let evaluate = json!({"expression": script, "awaitPromise": true});
        let waited = tokio::time::timeout(PATIENCE, self.call("Runtime.evaluate", evaluate)).await;
        let complaints = &self.complaints;
        let done = waited.unwrap_or_else(|_| panic!("no {text:?} in {selector}: {complaints:#?}"));
        assert_eq!(done["result"]["value"], true, "{done}");
    }

    /// Errors on the page since the last call: exceptions, failed loads, and
    /// what its policy refused.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    /// Every address that pages asked for.
    pub(crate) fn requests(&self) -> &[String] {
        &self.requests
    }

    /// Ends it.
    pub(crate) async fn quit(mut self) {
        self.session = None;
        self.call("Browser.close", json!({})).await;
        let ended = within(self.child.wait()).await;
        ended.expect("the browser ends");
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let mut call = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        let call = Message::text(call.to_string());
        self.socket.send(call).await.expect("the browser listens");
        loop {
            let told = self.read().await;
            if told["id"] == id {
                assert!(told.get("error").is_none(), "{method}: {told}");
                return told["result"].clone();
            }
            self.events.push_back(told);
        }
    }

    async fn next_event(&mut self) -> Value {
        match self.events.pop_front() {
            Some(event) => event,
            None => self.read().await,
        }
    }

    async fn read(&mut self) -> Value {
        let told = loop {
            let frame = within(self.socket.next()).await;
            match frame
                .expect("the browser goes on")
                .expect("its frames are whole")
            {
                Message::Text(text) => break text,
                _ => continue,
            }
        };
        let told: Value = serde_json::from_str(&told).expect("the browser tells JSON");
        self.note(&told);
        told
    }

    fn note(&mut self, told: &Value) {
        let params = &told["params"];
        match told["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                let address = params["request"]["url"].as_str();
                self.requests.extend(address.map(str::to_owned));
            }
            Some("Runtime.exceptionThrown") => self.complaints.push(params.to_string()),
            Some("Log.entryAdded") if params["entry"]["level"] == "error" => {
                self.complaints.push(params["entry"]["text"].to_string());
            }
            _ => {}
        }
    }
}

async fn connect(address: &str) -> WebSocketStream<TcpStream> {
    let host = address.trim_start_matches("ws://").split('/').next();
    let stream = TcpStream::connect(host.unwrap_or_default()).await;
    let stream = stream.expect("the browser listens");
    let config = WebSocketConfig::default()
        .max_message_size(None)
        .max_frame_size(None);
    let (socket, _) = within(client_async_with_config(address, stream, Some(config)))
        .await
        .expect("the browser speaks WebSocket");
    socket
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(done) => done,
        Err(_) => panic!("the browser did not answer"),
    }
}
