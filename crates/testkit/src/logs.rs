//! Watches for errors in the log: a test fails on those it did not expect.
//!
//! One subscriber serves the whole test process, where many tests run at once.
//! An error belongs to the test on whose thread it was logged; tests have a
//! current-thread runtime each. Errors on other threads (the database's, a
//! multi-threaded runtime's) belong to the tests that said they use such.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;
use tokio::runtime::{Handle, RuntimeFlavor};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

type Errors = Mutex<Vec<String>>;

thread_local! {
    static HERE: RefCell<Vec<Weak<Errors>>> = const { RefCell::new(Vec::new()) };
}

static ELSEWHERE: Mutex<Vec<Weak<Errors>>> = Mutex::new(Vec::new());

/// The errors logged while one test server lived.
#[derive(Debug)]
pub(crate) struct LogWatch {
    errors: Arc<Errors>,
    expected: Mutex<Vec<String>>,
}

impl LogWatch {
    pub(crate) fn start() -> Self {
        install();
        let errors = Arc::<Errors>::default();
        let watcher = Arc::downgrade(&errors);
        match Handle::current().runtime_flavor() {
            RuntimeFlavor::CurrentThread => HERE.with_borrow_mut(|here| here.push(watcher)),
            _ => ELSEWHERE.lock().push(watcher),
        }
        Self {
            errors,
            expected: Mutex::default(),
        }
    }

    /// Errors that contain `text` are no surprise.
    pub(crate) fn expect(&self, text: &str) {
        self.expected.lock().push(text.to_owned());
    }

    /// # Panics
    /// When there was an error that nobody expected.
    pub(crate) fn refuse_unexpected(&self) {
        let expected = self.expected.lock();
        let errors = self.errors.lock();
        let unexpected: Vec<_> = errors
            .iter()
            .filter(|error| !expected.iter().any(|text| error.contains(text)))
            .collect();
        assert!(unexpected.is_empty(), "errors were logged: {unexpected:#?}");
    }
}

fn install() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let shown = tracing_subscriber::fmt::layer()
            .with_test_writer()
            .with_filter(LevelFilter::WARN);
        // A test binary with a subscriber of its own watches for itself.
        let _ = tracing_subscriber::registry()
            .with(shown)
            .with(ErrorLayer.with_filter(LevelFilter::ERROR))
            .try_init();
    });
}

struct ErrorLayer;

impl<S: Subscriber> Layer<S> for ErrorLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if *event.metadata().level() != Level::ERROR {
            return;
        }
        let mut text = Text(event.metadata().target().to_owned());
        event.record(&mut text);
        let watched_here = HERE.with_borrow_mut(|here| tell(here, &text.0));
        if !watched_here {
            tell(&mut ELSEWHERE.lock(), &text.0);
        }
    }
}

/// True when anybody still listens.
fn tell(watchers: &mut Vec<Weak<Errors>>, text: &str) -> bool {
    watchers.retain(|watcher| match watcher.upgrade() {
        Some(errors) => {
            errors.lock().push(text.to_owned());
            true
        }
        None => false,
    });
    !watchers.is_empty()
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, " {field}={value:?}");
    }
}
