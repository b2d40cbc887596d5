//! Whole text files for the commands that learn and score: plain, `.gz` or `.zst`, `-` for standard input.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use sha2::{Digest, Sha256};

/// The text of a file.
///
/// # Errors
/// When it can't be read or is not UTF-8.
pub fn text(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let name = path.display();
    if path.as_os_str() == "-" {
        std::io::stdin()
            .read_to_string(&mut text)
            .context("reading standard input as UTF-8")?;
        return Ok(text);
    }
    let file = File::open(path).with_context(|| format!("opening {name}"))?;
    let ending = path
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default();
    match ending {
        "gz" => flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text),
        "zst" => zstd::stream::read::Decoder::new(file)
            .with_context(|| format!("opening {name}"))?
            .read_to_string(&mut text),
        _ => (&file).read_to_string(&mut text),
    }
    .with_context(|| format!("reading {name} as UTF-8"))?;
    Ok(text)
}

/// The SHA-256 of `bytes`, in hexadecimal: which data a report is of.
pub fn sha256(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}
