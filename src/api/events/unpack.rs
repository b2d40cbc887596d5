//! `Content-Encoding` of a streamed body: gzip, zstd or none.
//!
//! Invariants: a packed chunk is unpacked in small pieces, so what it grows to at once is bounded and goes to
//! the line splitter before the next piece. Not here: bounds on lines.

use std::io::{self, Write};
use std::mem;
use std::slice::Chunks;

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::api::problem::ApiError;
use crate::error::ErrorCode;

/// Packed bytes that are unpacked at once.
const PIECE_BYTES: usize = 1 << 10;

/// Plain bytes that are read at once.
const PLAIN_BYTES: usize = 64 << 10;

/// Unpacks a body chunk by chunk.
pub(super) enum Unpacker {
    /// It is not packed.
    Plain,
    /// gzip, also of several members.
    Gzip(Box<flate2::write::MultiGzDecoder<Vec<u8>>>),
    /// Zstandard.
    Zstd(Box<zstd::stream::write::Decoder<'static, Vec<u8>>>),
}

impl Unpacker {
    /// The unpacker that the request's header asks for.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let Some(encoding) = request.headers().get(header::CONTENT_ENCODING) else {
            return Ok(Self::Plain);
        };
        match encoding
            .to_str()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
            .as_str()
        {
            "" | "identity" => Ok(Self::Plain),
            "gzip" | "x-gzip" => Ok(Self::Gzip(Box::new(flate2::write::MultiGzDecoder::new(
                Vec::new(),
            )))),
            "zstd" => {
                let decoder = zstd::stream::write::Decoder::new(Vec::new());
                let decoder = decoder.map_err(|error| ApiError::internal(error.to_string()))?;
                Ok(Self::Zstd(Box::new(decoder)))
            }
            _ => {
                let detail = "send `Content-Encoding: gzip` or `zstd`, or none";
                Err(ApiError::new(ErrorCode::UnsupportedMediaType, detail))
            }
        }
    }

    /// True when the body is not packed.
    pub(super) const fn is_plain(&self) -> bool {
        matches!(self, Self::Plain)
    }

    /// The parts in which `chunk` is to be unpacked.
    pub(super) fn parts<'c>(&self, chunk: &'c [u8]) -> Chunks<'c, u8> {
        match self {
            Self::Plain => chunk.chunks(PLAIN_BYTES),
            Self::Gzip(_) | Self::Zstd(_) => chunk.chunks(PIECE_BYTES),
        }
    }

    /// What one part holds.
    ///
    /// # Errors
    /// When it is not packed as the header says.
    pub(super) fn unpack(&mut self, part: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(part.to_vec()),
            Self::Gzip(decoder) => {
                decoder.write_all(part)?;
                decoder.flush()?;
                Ok(mem::take(decoder.get_mut()))
            }
            Self::Zstd(decoder) => {
                decoder.write_all(part)?;
                decoder.flush()?;
                Ok(mem::take(decoder.get_mut()))
            }
        }
    }

    /// What is left after the last part.
    ///
    /// # Errors
    /// When the packed body stops in the middle.
    pub(super) fn finish(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(Vec::new()),
            Self::Gzip(decoder) => {
                decoder.try_finish()?;
                Ok(mem::take(decoder.get_mut()))
            }
            Self::Zstd(decoder) => {
                decoder.flush()?;
                Ok(mem::take(decoder.get_mut()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn unpacked(encoding: &str, packed: &[u8]) -> io::Result<Vec<u8>> {
        let request = TestRequest::get().insert_header(("content-encoding", encoding));
        let mut unpacker = Unpacker::of(&request.to_http_request()).unwrap();
        let mut out = Vec::new();
        for chunk in packed.chunks(700) {
            for part in unpacker.parts(chunk) {
                out.extend(unpacker.unpack(part)?);
            }
        }
        out.extend(unpacker.finish()?);
        Ok(out)
    }

    #[test]
    fn packed_bodies_read_like_plain_ones() {
        let text = "一行\n又一行\n".repeat(5_000).into_bytes();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::encode_all(text.as_slice(), 1).unwrap();
        for (encoding, packed) in [("gzip", &gzip), ("zstd", &zstd), ("identity", &text)] {
            assert_eq!(unpacked(encoding, packed).unwrap(), text, "{encoding}");
        }
        assert!(unpacked("gzip", b"no gzip").is_err());
        assert!(unpacked("gzip", &gzip[..gzip.len() / 2]).is_err());
        let other = TestRequest::get().insert_header(("content-encoding", "br"));
        assert!(Unpacker::of(&other.to_http_request()).is_err());
    }
}
