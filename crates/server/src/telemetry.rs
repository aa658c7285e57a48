//! The log: for people on a terminal, else JSON, always on standard error.
//!
//! What may not be logged (tokens, query strings, message texts) is never given
//! to it; what comes from outside cannot break out of its line (S18).

use std::fmt::{self, Debug};
use std::io::{self, IsTerminal};
use std::sync::OnceLock;

use tertulia_dialects::common::upgrade::DISCONNECTS;
use tracing::field::Field;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

use crate::config::{LogFormat, LogSettings};

static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Starts the log of this process. Called once; where something logs already,
/// nothing changes.
///
/// # Errors
/// When the filter cannot be read.
pub(crate) fn start(settings: &LogSettings) -> Result<(), ParseError> {
    let (filter, handle) = reload::Layer::new(filter(settings)?);
    let started = tracing_subscriber::registry()
        .with(filter)
        .with(lines(settings.format))
        .try_init();
    if started.is_ok() {
        // Nothing logged before, so nobody has set it.
        let _ = FILTER.set(handle);
    }
    Ok(())
}

/// Puts another filter in force.
pub(crate) fn change_filter(settings: &LogSettings) -> anyhow::Result<()> {
    if let Some(handle) = FILTER.get() {
        handle.reload(filter(settings)?)?;
    }
    Ok(())
}

fn filter(settings: &LogSettings) -> Result<EnvFilter, ParseError> {
    let filter = EnvFilter::try_new(&settings.filter)?;
    if !settings.websocket_disconnects {
        return Ok(filter);
    }
    Ok(filter.add_directive(format!("{DISCONNECTS}=debug").parse()?))
}

fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    let terminal = io::stderr().is_terminal();
    let human = match format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => terminal,
    };
    if human {
        Box::new(
            layer()
                .fmt_fields(debug_fn(clean_field).delimited(" "))
                .with_ansi(terminal)
                .with_writer(io::stderr),
        )
    } else {
        Box::new(
            layer()
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .with_writer(io::stderr),
        )
    }
}

/// Writes a field so that it cannot break out of its line or steer a terminal.
fn clean_field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    if field.name() != "message" {
        write!(writer, "{field}=")?;
    }
    for character in format!("{value:?}").chars() {
        if character.is_control() {
            write!(writer, "{}", character.escape_default())?;
        } else {
            writer.write_char(character)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(say: impl FnOnce()) -> String {
        let memory = Memory::default();
        let writer = memory.clone();
        let lines = layer()
            .fmt_fields(debug_fn(clean_field).delimited(" "))
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(Registry::default().with(lines), say);
        String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn nothing_breaks_out_of_its_line() {
        let evil = "a\nERROR forged\r\u{1b}[31m\u{7f}";
        let line = logged(|| tracing::info!(name = evil, shown = %evil, "said: {evil}"));
        assert_eq!(line.matches('\n').count(), 1, "{line:?}");
        assert!(line.ends_with('\n'));
        assert!(!line.trim_end().contains(char::is_control), "{line:?}");
        assert!(line.contains("said: a\\nERROR forged"), "{line}");
        assert!(line.contains("shown=a\\nERROR"), "{line}");
    }
}
