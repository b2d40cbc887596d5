//! `Content-Encoding` of a streamed body: gzip, zstd or none.
//!
//! Invariants: a packed chunk is unpacked in small pieces, so what it grows to at once is bounded and goes to
//! the line splitter before the next piece. Not here: bounds on lines.

use std::io::{self, Write};
use std::mem;

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::api::problem::ApiError;
use crate::error::ErrorCode;

/// Packed bytes that are unpacked at once.
const PIECE_BYTES: usize = 1 << 10;

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
        match encoding.to_str().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Plain),
            "gzip" | "x-gzip" => {
                Ok(Self::Gzip(Box::new(flate2::write::MultiGzDecoder::new(Vec::new()))))
            }
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

    /// Hands what `chunk` holds to `take`, piece by piece.
    pub(super) fn push<E: From<io::Error>>(
        &mut self,
        chunk: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if matches!(self, Self::Plain) {
            return take(chunk);
        }
        for piece in chunk.chunks(PIECE_BYTES) {
            let unpacked = self.unpack(piece)?;
            take(&unpacked)?;
        }
        Ok(())
    }

    fn unpack(&mut self, piece: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(piece.to_vec()),
            Self::Gzip(decoder) => {
                decoder.write_all(piece)?;
                decoder.flush()?;
                Ok(mem::take(decoder.get_mut()))
            }
            Self::Zstd(decoder) => {
                decoder.write_all(piece)?;
                decoder.flush()?;
                Ok(mem::take(decoder.get_mut()))
            }
        }
    }

    /// What is left after the last chunk.
    ///
    /// # Errors
    /// When the packed body stops in the middle.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(Vec::new()),
            Self::Gzip(decoder) => decoder.finish(),
            Self::Zstd(mut decoder) => {
                decoder.flush()?;
                Ok(decoder.into_inner())
            }
        }
    }
}
