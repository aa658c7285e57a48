//! Figures of the domain's work, taken where it passes a port: once for each
//! batch, never for each delivery.

use std::sync::Arc;
use std::sync::OnceLock;

use async_trait::async_trait;
use axum::body::Body;
use http::{Response, StatusCode};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tertulia_domain::ports::{PasswordCheck, Subscription};
use tertulia_domain::{Bus, Change, Event, Passwords, Result};
use tertulia_hub::Figures;

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
pub(crate) fn render(users: usize, hub: Figures) -> Response<Body> {
    gauge!("tertulia_users_present").set(users as f64);
    gauge!("tertulia_connections").set(hub.connections as f64);
    counter!("tertulia_deliveries_total").absolute(hub.deliveries);
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
    describe_counter!("tertulia_http_requests_total", "HTTP requests answered");
    describe_histogram!(
        "tertulia_http_request_seconds",
        "Time to answer an HTTP request"
    );
    describe_counter!("tertulia_messages_appended_total", "Messages stored");
    describe_histogram!("tertulia_commit_batch_size", "Stored events of one commit");
    describe_counter!("tertulia_logins_refused_total", "Wrong passwords");
    describe_gauge!("tertulia_users_present", "Users with a live connection");
    describe_gauge!(
        "tertulia_connections",
        "Live WebSockets, with and without a user"
    );
    describe_counter!(
        "tertulia_deliveries_total",
        "Frames and events put into outboxes"
    );
}

/// A bus that counts what was committed.
pub(crate) struct MeasuredBus<B>(pub(crate) B);

#[async_trait]
impl<B: Bus> Bus for MeasuredBus<B> {
    async fn publish(&self, events: Vec<Arc<Event>>) {
        let stored = events
            .iter()
            .filter_map(|event| match &**event {
                Event::Room(event) => Some(&event.change),
                _ => None,
            })
            .map(|change| u64::from(matches!(change, Change::Message { .. })));
        let (count, messages) = stored.fold((0_u32, 0), |(count, messages), message| {
            (count + 1, messages + message)
        });
        if count > 0 {
            histogram!("tertulia_commit_batch_size").record(count);
            counter!("tertulia_messages_appended_total").increment(messages);
        }
        self.0.publish(events).await;
    }

    fn subscribe(&self) -> Subscription {
        self.0.subscribe()
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
            counter!("tertulia_logins_refused_total").increment(1);
        }
        Ok(check)
    }
}
