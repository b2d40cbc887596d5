//! What commands print: results on standard output, mistakes on standard error.

use std::io::Write;

/// Prints `text` and a line end; a reader that has gone away is no mistake.
pub fn line(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Prints `text` to standard error.
pub fn note(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Prints a mistake with its causes.
pub fn error(error: &anyhow::Error) {
    let mut text = format!("error: {error}");
    for cause in error.chain().skip(1) {
        text.push_str(&format!("\n  because: {cause}"));
    }
    note(&text);
}
