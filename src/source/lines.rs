//! Files as lines: plain, .gz or .zst, up to a fixed length, with a bound on
//! the length of a line.
//!
//! Invariants: memory is bounded by the line limit whatever the file holds; the
//! rest of a line that is too long is passed over, so the next line is sound;
//! a last line without a newline is marked.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

const BUFFER_BYTES: usize = 256 * 1024;

/// Why a line has no content.
#[derive(Debug, PartialEq, Eq)]
pub enum LineError {
    /// Longer than the limit; so many bytes.
    TooLong(usize),
}

/// One line without its line end.
pub struct Line {
    /// The bytes, cut at the limit when too long.
    pub bytes: Vec<u8>,
    /// Set when the line is not whole.
    pub error: Option<LineError>,
    /// Whether a newline ended it.
    pub ended: bool,
}

/// Opens `path` for reading, unpacked, at most its first `length` bytes on disk.
///
/// # Errors
/// When the file can't be opened.
pub fn open_file(path: &Path, length: Option<u64>) -> io::Result<Box<dyn Read + Send>> {
    let file = File::open(path)?;
    let limited: Box<dyn Read + Send> = match length {
        Some(length) => Box::new(file.take(length)),
        None => Box::new(file),
    };
    let extension = path.extension().and_then(|extension| extension.to_str());
    Ok(match extension {
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(limited))),
        Some("zst") => Box::new(zstd::stream::read::Decoder::new(limited)?),
        _ => limited,
    })
}

/// Reads lines one by one.
pub struct Lines {
    reader: BufReader<Box<dyn Read + Send>>,
    max_line_bytes: usize,
}

impl Lines {
    /// Lines of `reader`, each at most `max_line_bytes` long.
    pub fn new(reader: Box<dyn Read + Send>, max_line_bytes: usize) -> Self {
        let reader = BufReader::with_capacity(BUFFER_BYTES, reader);
        Self {
            reader,
            max_line_bytes,
        }
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// When the file can't be read or unpacked.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let mut total = 0_usize;
        let ended = loop {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                break false;
            }
            let newline = memchr::memchr(b'\n', available);
            let used = newline.map_or(available.len(), |at| at + 1);
            let content = newline.unwrap_or(available.len());
            let room = self.max_line_bytes.saturating_sub(bytes.len()).min(content);
            bytes.extend(available.iter().take(room));
            total += content;
            self.reader.consume(used);
            if newline.is_some() {
                break true;
            }
        };
        if total == 0 && !ended {
            return Ok(None);
        }
        if bytes.last() == Some(&b'\r') && total == bytes.len() {
            bytes.pop();
        }
        let error = (total > self.max_line_bytes).then_some(LineError::TooLong(total));
        Ok(Some(Line {
            bytes,
            error,
            ended,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn lines_of(content: &[u8], max: usize) -> Vec<(String, bool, bool)> {
        let mut lines = Lines::new(Box::new(io::Cursor::new(content.to_vec())), max);
        let mut out = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            let text = String::from_utf8_lossy(&line.bytes).into_owned();
            out.push((text, line.error.is_some(), line.ended));
        }
        out
    }

    #[test]
    fn lines_keep_their_bounds() {
        let lines = lines_of(b"a\r\n\nbcdefgh\nlast", 4);
        let expected = [
            ("a".to_owned(), false, true),
            (String::new(), false, true),
            ("bcde".to_owned(), true, true),
            ("last".to_owned(), false, false),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn packed_files_read_like_plain_ones() {
        let folder = tempfile::tempdir().unwrap();
        let gz = folder.path().join("a.ndjson.gz");
        let mut packer =
            flate2::write::GzEncoder::new(File::create(&gz).unwrap(), flate2::Compression::fast());
        packer.write_all("一\n二\n".as_bytes()).unwrap();
        packer.finish().unwrap();
        let zst = folder.path().join("a.ndjson.zst");
        std::fs::write(&zst, zstd::encode_all("一\n二\n".as_bytes(), 1).unwrap()).unwrap();
        for path in [gz, zst] {
            let mut text = String::new();
            open_file(&path, None)
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            assert_eq!(text, "一\n二\n");
        }
    }
}
