//! `[log]`: what goes to standard error.

use super::reader::settings;
use super::setting::words;

words! {
    /// How a log line looks.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

words! {
    /// The least severe level that is written.
    LogLevel {
        /// Someone should act.
        Error = "error",
        /// We coped.
        Warn = "warn",
        /// Rare, about the system.
        Info = "info",
        /// For the developer.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

settings! {
    /// The log on standard error. It never holds customer text, names, addresses, numbers, tokens or bodies.
    Log {
        /// How a line looks.
        format: LogFormat = LogFormat::Text;
        /// The least severe level that is written.
        level: LogLevel = LogLevel::Info;
    }
}
