//! The log on standard error.
//!
//! Our own modules log at the chosen level. Other crates log errors only (warnings from `debug` on): their
//! texts are not ours to check, and a query engine may quote a literal of a query.

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::TelemetryError;
use crate::config::{LogFormat, LogLevel};

/// The prefix of the targets of our own modules.
const OWN_TARGET: &str = "tingchao";

/// Installs the log of this process, on standard error.
///
/// # Errors
/// When a log is installed already.
pub fn init_logging(format: LogFormat, level: LogLevel) -> Result<(), TelemetryError> {
    let is_terminal = std::io::stderr().is_terminal();
    subscriber(format, level, is_terminal, std::io::stderr)
        .try_init()
        .map_err(TelemetryError::LogInstalled)
}

fn subscriber<W>(format: LogFormat, level: LogLevel, ansi: bool, writer: W) -> impl Subscriber
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(ansi).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter(level)))
}

fn filter(level: LogLevel) -> Targets {
    let own = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let others = if own >= LevelFilter::DEBUG {
        LevelFilter::WARN
    } else {
        LevelFilter::ERROR
    };
    Targets::new()
        .with_default(others)
        .with_target(OWN_TARGET, own)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Buffer {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: LogLevel) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let subscriber = subscriber(format, level, false, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "tingchao::lake", { table.version = 7 }, "table committed");
            tracing::debug!(target: "tingchao::lake", "own detail");
            tracing::warn!(target: "datafusion::planner", "where phone = '13800138000'");
            tracing::error!(target: "other", "other failed");
        });
        buffer.text()
    }

    #[test]
    fn other_crates_say_errors_only() {
        let text = logged(LogFormat::Text, LogLevel::Info);
        assert!(text.contains("table committed") && text.contains("table.version=7"));
        assert!(!text.contains("own detail"));
        assert!(!text.contains("13800138000"), "{text}");
        assert!(text.contains("other failed"));
        assert!(logged(LogFormat::Text, LogLevel::Debug).contains("own detail"));
        assert!(!logged(LogFormat::Text, LogLevel::Error).contains("table committed"));
    }

    #[test]
    fn json_is_one_object_a_line_with_fields_on_top() {
        let text = logged(LogFormat::Json, LogLevel::Info);
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["message"], "table committed");
        assert_eq!(lines[0]["table.version"], 7);
        assert_eq!(lines[0]["level"], "INFO");
    }
}
