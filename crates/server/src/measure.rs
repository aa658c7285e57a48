//! Figures of the domain's work, taken where it passes a port: once for each
//! batch, never for each delivery.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use async_trait::async_trait;
use axum::body::Body;
use http::{Response, StatusCode};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tertulia_dialects::common::CodecIds;
use tertulia_domain::command::{Command, Outcome, StoreError};
use tertulia_domain::ports::{PasswordCheck, WriteStore};
use tertulia_domain::{Chat, Passwords, Result};
use tertulia_hub::Hub;

use crate::http::reply;

/// The figures of this process, from now on.
pub(crate) fn recorder() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let recorder = builder().build_recorder();
        let handle = recorder.handle();
        // Whoever embeds the server may have a recorder of its own, which then
        // gets the figures.
        let _ = metrics::set_global_recorder(recorder);
        describe();
        handle
    })
}

/// The figures as Prometheus reads them, with those of this server.
pub(crate) fn render(chat: &Chat, hub: &Hub, codecs: CodecIds) -> Response<Body> {
    let figures = hub.figures();
    let speaking = [("kaapehchat", codecs.kaapehchat), ("v1", codecs.v1)];
    for (dialect, codec) in speaking {
        let connections = hub.connections_with(codec);
        gauge!("tertulia_signed_in_connections", "dialect" => dialect).set(connections as f64);
    }
    gauge!("tertulia_connections").set(figures.connections as f64);
    gauge!("tertulia_users_present").set(chat.present_users() as f64);
    counter!("tertulia_deliveries_total").absolute(figures.deliveries);
    counter!("tertulia_encodings_total").absolute(figures.encodings);
    let handle = recorder();
    handle.run_upkeep();
    let text = "text/plain; version=0.0.4; charset=utf-8";
    reply::text(StatusCode::OK, text, handle.render())
}

const SECONDS: &[f64] = &[
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];
const ITEMS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

fn builder() -> PrometheusBuilder {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let items = Matcher::Suffix("_size".to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(seconds, SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(items, ITEMS))
        .expect("the buckets are not empty")
}

fn describe() {
    use metrics::Unit::{Count, Seconds};

    describe_gauge!("tertulia_connections", Count, "Live WebSockets");
    describe_gauge!(
        "tertulia_signed_in_connections",
        Count,
        "Live WebSockets that speak for a user, by dialect"
    );
    describe_gauge!(
        "tertulia_users_present",
        Count,
        "Users with a live WebSocket"
    );
    describe_counter!(
        "tertulia_connections_ended_total",
        Count,
        "WebSockets that ended, by who ended them; `slow_consumer` was cut"
    );
    describe_counter!(
        "tertulia_deliveries_total",
        Count,
        "Frames and events put into outboxes"
    );
    describe_counter!(
        "tertulia_encodings_total",
        Count,
        "Events put into a wire form, once for all its readers"
    );
    describe_counter!("tertulia_messages_appended_total", Count, "Messages stored");
    describe_histogram!(
        "tertulia_commit_batch_size",
        Count,
        "Commands in one commit"
    );
    describe_histogram!("tertulia_commit_seconds", Seconds, "How long a commit took");
    describe_counter!(
        "tertulia_passwords_wrong_total",
        Count,
        "Passwords that were wrong"
    );
    describe_counter!(
        "tertulia_http_requests_total",
        Count,
        "HTTP requests answered"
    );
    describe_histogram!(
        "tertulia_http_request_seconds",
        Seconds,
        "How long an HTTP answer took"
    );
}

/// Storage that counts what the writer commits, and how long it takes.
pub(crate) struct MeasuredWrites<S>(pub(crate) Arc<S>);

#[async_trait]
impl<S: WriteStore> WriteStore for MeasuredWrites<S> {
    async fn commit(
        &self,
        commands: Arc<Vec<Command>>,
        begin_by: tokio::time::Instant,
    ) -> Vec<Result<Outcome, StoreError>> {
        let started = Instant::now();
        let commands_count = commands.len();
        let outcomes = self.0.commit(commands, begin_by).await;
        histogram!("tertulia_commit_seconds").record(started.elapsed());
        histogram!("tertulia_commit_batch_size").record(commands_count as f64);
        let appended = |outcome: &&Result<Outcome, StoreError>| {
            matches!(outcome, Ok(Outcome::Appended { .. }))
        };
        let appended = outcomes.iter().filter(appended).count();
        counter!("tertulia_messages_appended_total").increment(appended as u64);
        outcomes
    }
}

/// Passwords that count what was refused.
pub(crate) struct MeasuredPasswords<P>(pub(crate) P);

#[async_trait]
impl<P: Passwords> Passwords for MeasuredPasswords<P> {
    async fn hash(&self, password: String) -> Result<String> {
        self.0.hash(password).await
    }

    async fn verify(&self, password: String, hash: Option<String>) -> Result<PasswordCheck> {
        let check = self.0.verify(password, hash).await?;
        if check == PasswordCheck::Wrong {
            counter!("tertulia_passwords_wrong_total").increment(1);
        }
        Ok(check)
    }
}
