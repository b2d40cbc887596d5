//! Bytes of any encoding to lines of UTF-8 text, in constant memory.
//!
//! Invariants: a line number counts line breaks of the file from 1; a byte
//! sequence that the encoding does not know becomes [`BAD`] and spoils only
//! the line it stands in; a line longer than the limit is cut and marked, its
//! rest is thrown away. The encoding is decided once, at the first byte that
//! is not ASCII: by the byte-order mark, else by which of UTF-8 and GB18030
//! fits the bytes around it.

use std::io::{self, Read};

use encoding_rs::{
    CoderResult, Decoder, DecoderResult, Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE,
};

/// Stands for a malformed byte sequence: a noncharacter, so no text has it.
pub(super) const BAD: char = '\u{10FFFF}';

const CHUNK_BYTES: usize = 64 * 1024;

/// One line without its line break.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Line {
    pub text: String,
    /// 1-based.
    pub number: u64,
    /// The line was longer than the limit and `text` is its beginning.
    pub cut: bool,
}

/// Lines of a byte stream.
pub(super) struct Lines {
    input: Box<dyn Read + Send>,
    fixed: Option<&'static Encoding>,
    decoder: Option<Decoder>,
    started: bool,
    ended: bool,
    failed: Option<io::Error>,
    text: String,
    consumed: usize,
    number: u64,
    max_line_bytes: usize,
}

impl Lines {
    /// `encoding` `None` means: find out.
    pub fn new(
        input: Box<dyn Read + Send>,
        encoding: Option<&'static Encoding>,
        max_line_bytes: usize,
    ) -> Self {
        Lines {
            input,
            fixed: encoding,
            decoder: None,
            started: false,
            ended: false,
            failed: None,
            text: String::new(),
            consumed: 0,
            number: 0,
            max_line_bytes,
        }
    }

    /// The next line, or `None` at the end of the file.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut line = Line {
            number: self.number + 1,
            ..Line::default()
        };
        let mut any = false;
        loop {
            let rest = self.text.get(self.consumed..).unwrap_or_default();
            let found = memchr::memchr(b'\n', rest.as_bytes());
            let piece = rest.get(..found.unwrap_or(rest.len())).unwrap_or_default();
            any = any || !rest.is_empty();
            push_limited(&mut line, piece, self.max_line_bytes);
            self.consumed += piece.len();
            if found.is_some() {
                self.consumed += 1;
                break;
            }
            if self.ended {
                break;
            }
            self.fill()?;
        }
        if !any {
            return Ok(None);
        }
        self.number += 1;
        if line.text.ends_with('\r') {
            line.text.pop();
        }
        Ok(Some(line))
    }

    /// Replaces the consumed text by the next decoded chunk.
    fn fill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.consumed = 0;
        let mut bytes = Vec::with_capacity(CHUNK_BYTES);
        let wanted = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        // What was read before a failure still counts.
        match self.input.by_ref().take(wanted).read_to_end(&mut bytes) {
            Err(error) if bytes.is_empty() => return Err(error),
            Err(error) => self.failed = Some(error),
            Ok(_) => {}
        }
        self.ended = bytes.is_empty();
        let mut bytes = bytes.as_slice();
        if !self.started {
            self.started = true;
            bytes = self.take_mark(bytes);
        }
        if self.decoder.is_none() {
            // Zero bytes are ASCII too, but mean UTF-16.
            let ascii_ahead = bytes.is_ascii() && !bytes.contains(&0) && !self.ended;
            match self.fixed {
                None if ascii_ahead => {
                    self.text
                        .push_str(std::str::from_utf8(bytes).unwrap_or_default());
                    return Ok(());
                }
                fixed => {
                    let encoding = fixed.unwrap_or_else(|| guess(bytes));
                    self.decoder = Some(encoding.new_decoder_without_bom_handling());
                }
            }
        }
        if let Some(decoder) = self.decoder.as_mut() {
            decode(decoder, bytes, self.ended, &mut self.text);
        }
        Ok(())
    }

    /// Takes a byte-order mark off; it decides the encoding when none is set.
    fn take_mark<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Some((encoding, mark)) = Encoding::for_bom(bytes) else {
            return bytes;
        };
        let fixed = self.fixed.unwrap_or(encoding);
        let same = fixed == encoding;
        self.fixed = Some(fixed);
        // A mark of another encoding than the one that was asked for is data.
        if same {
            bytes.get(mark..).unwrap_or_default()
        } else {
            bytes
        }
    }
}

fn push_limited(line: &mut Line, piece: &str, max_bytes: usize) {
    if line.text.len() + piece.len() <= max_bytes {
        line.text.push_str(piece);
        return;
    }
    line.cut = true;
    let mut room = max_bytes.saturating_sub(line.text.len()).min(piece.len());
    while !piece.is_char_boundary(room) {
        room -= 1;
    }
    line.text.push_str(piece.get(..room).unwrap_or_default());
}

fn decode(decoder: &mut Decoder, mut bytes: &[u8], last: bool, text: &mut String) {
    loop {
        let room = decoder
            .max_utf8_buffer_length_without_replacement(bytes.len())
            .unwrap_or(bytes.len() * 3 + 16);
        text.reserve(room);
        let (result, read) = decoder.decode_to_string_without_replacement(bytes, text, last);
        bytes = bytes.get(read..).unwrap_or_default();
        match result {
            DecoderResult::InputEmpty => return,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(_, _) => text.push(BAD),
        }
    }
}

/// UTF-16 shows itself by its zero bytes; else the encoding that explains
/// more of the bytes wins, and UTF-8 wins a draw. One broken character in a
/// long UTF-8 file must not turn the whole file into GB18030.
fn guess(bytes: &[u8]) -> &'static Encoding {
    if let Some(wide) = guess_wide(bytes) {
        return wide;
    }
    // The chunk may end inside a character; that is no mistake.
    if !matches!(std::str::from_utf8(bytes), Err(error) if error.error_len().is_some()) {
        return UTF_8;
    }
    let mut good = 0_usize;
    let mut bad = 0_usize;
    for chunk in bytes.utf8_chunks() {
        let letters = chunk.valid().chars();
        good += letters.filter(|letter| !letter.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    // Of text in GB18030 about one pair in seven looks like UTF-8.
    if good > bad * 2 {
        return UTF_8;
    }
    let mut decoder = GB18030.new_decoder_without_bom_handling();
    let mut out = vec![0_u8; decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(0)];
    let (result, _, _, replaced) = decoder.decode_to_utf8(bytes, &mut out, false);
    if result == CoderResult::InputEmpty && !replaced {
        return GB18030;
    }
    if good > bad { UTF_8 } else { GB18030 }
}

fn guess_wide(bytes: &[u8]) -> Option<&'static Encoding> {
    let zeros = |odd: usize| {
        bytes
            .iter()
            .skip(odd)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    let many = bytes.len() / 8;
    let (even, odd) = (zeros(0), zeros(1));
    if odd > many && even * 4 < odd {
        return Some(UTF_16LE);
    }
    if even > many && odd * 4 < even {
        return Some(UTF_16BE);
    }
    None
}
