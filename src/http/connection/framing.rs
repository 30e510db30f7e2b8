//! Where a request's body ends: by its length, or by the last of its chunks (RFC 9112 section 7.1).
//!
//! What comes after it is the next request's. The server below counts again by itself; so that the two agree, chunks are
//! read in the narrowest way: no white space around a size, no line without CR LF, no trailer.

/// The digits of a chunk's size: more than any body that is taken has.
const SIZE_DIGITS_MAX: u8 = 8;
/// What may stand behind a chunk's size: nothing that is read.
const EXTENSION_BYTES_MAX: u16 = 256;

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Nothing, or nothing more.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunks),
}

/// Where in its chunks a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunks {
    Size { digits: u8, size: u64 },
    Extension { bytes: u16, size: u64 },
    SizeEnd { size: u64 },
    Data { left: u64 },
    DataReturn,
    DataEnd,
    LastReturn,
    LastEnd,
}

/// The bytes are no chunks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoChunks;

impl Framing {
    /// Chunks, before the first.
    pub(super) const fn chunked() -> Self {
        Self::Chunked(Chunks::Size { digits: 0, size: 0 })
    }

    /// True if some of the body is still to come.
    pub(super) const fn is_open(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// The most that may be read at once without reading the next request's.
    pub(super) fn at_most(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Length(left) => usize::try_from(*left).unwrap_or(usize::MAX),
            Self::Chunked(_) => usize::MAX,
        }
    }

    /// How many of these bytes, which follow on the last, belong to the body.
    ///
    /// # Errors
    /// They are no chunks: nothing that follows can be told apart any more.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, NoChunks> {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            match self {
                Self::None => break,
                Self::Length(left) => {
                    taken += step(left, rest);
                    if *left == 0 {
                        *self = Self::None;
                    }
                }
                Self::Chunked(Chunks::Data { left }) => {
                    taken += step(left, rest);
                    if *left == 0 {
                        *self = Self::Chunked(Chunks::DataReturn);
                    }
                }
                Self::Chunked(chunks) => {
                    let Some(byte) = rest.first() else { break };
                    taken += 1;
                    *self = chunks.after(*byte)?;
                }
            }
        }
        Ok(taken)
    }
}

/// Takes of `left` what is there.
fn step(left: &mut u64, rest: &[u8]) -> usize {
    let step = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
    *left -= step as u64;
    step
}

impl Chunks {
    fn after(self, byte: u8) -> Result<Framing, NoChunks> {
        let next = match (self, byte) {
            (Self::Size { digits, size }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if digits == SIZE_DIGITS_MAX {
                    return Err(NoChunks);
                }
                let digit = char::from(byte).to_digit(16).ok_or(NoChunks)?;
                Self::Size { digits: digits + 1, size: size * 16 + u64::from(digit) }
            }
            (Self::Size { digits: 1.., size }, b'\r') => Self::SizeEnd { size },
            (Self::Size { digits: 1.., size }, b';') => Self::Extension { bytes: 0, size },
            (Self::Extension { size, .. }, b'\r') => Self::SizeEnd { size },
            (Self::Extension { bytes, size }, b' '..=b'~') if bytes < EXTENSION_BYTES_MAX => {
                Self::Extension { bytes: bytes + 1, size }
            }
            (Self::SizeEnd { size: 0 }, b'\n') => Self::LastReturn,
            (Self::SizeEnd { size }, b'\n') => Self::Data { left: size },
            (Self::DataReturn, b'\r') => Self::DataEnd,
            (Self::DataEnd, b'\n') => Self::Size { digits: 0, size: 0 },
            (Self::LastReturn, b'\r') => Self::LastEnd,
            (Self::LastEnd, b'\n') => return Ok(Framing::None),
            _ => return Err(NoChunks),
        };
        Ok(Framing::Chunked(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes the bytes in pieces of this size.
    fn in_pieces(mut framing: Framing, bytes: &[u8], size: usize) -> Result<(usize, Framing), NoChunks> {
        let mut taken = 0;
        for piece in bytes.chunks(size) {
            let now = framing.take(piece)?;
            taken += now;
            if now < piece.len() {
                break;
            }
        }
        Ok((taken, framing))
    }

    #[test]
    fn a_body_ends_where_it_says_however_it_is_cut() {
        let next = b"GET / HTTP/1.1\r\n";
        for (framing, body) in [
            (Framing::Length(5), &b"hello"[..]),
            (Framing::None, b""),
            (Framing::chunked(), b"5\r\nhello\r\n0\r\n\r\n"),
            (
                Framing::chunked(),
                b"00a;x=\"1\"\r\n0123456789\r\nF\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n",
            ),
            (Framing::chunked(), b"0\r\n\r\n"),
        ] {
            let bytes = [body, next].concat();
            for size in 1..=bytes.len() {
                let text = String::from_utf8_lossy(body);
                assert_eq!(
                    in_pieces(framing, &bytes, size),
                    Ok((body.len(), Framing::None)),
                    "{text} by {size}"
                );
            }
        }
    }

    #[test]
    fn what_could_be_read_otherwise_is_no_chunk() {
        for body in [
            &b"5\nhello\r\n0\r\n\r\n"[..],
            b"5\r\nhello\n0\r\n\r\n",
            b"5\r\nhello0\r\n\r\n",
            b"5 \r\nhello\r\n0\r\n\r\n",
            b" 5\r\nhello\r\n",
            b"5 ;x\r\nhello\r\n",
            b"5;x\nhello\r\n",
            b"5;x\ry\r\n",
            b"0x5\r\nhello\r\n",
            b"+5\r\nhello\r\n",
            b"-1\r\n",
            b"\r\n",
            b";x\r\n",
            b"123456789\r\n",
            b"0\r\nTrailer: x\r\n\r\n",
            b"0\r\n\n",
            b"0\n\n",
        ] {
            for size in 1..=body.len() {
                let text = String::from_utf8_lossy(body);
                assert_eq!(in_pieces(Framing::chunked(), body, size), Err(NoChunks), "{text:?} by {size}");
            }
        }
        let long = format!("1;{}\r\n", "x".repeat(usize::from(EXTENSION_BYTES_MAX) + 1));
        assert_eq!(Framing::chunked().take(long.as_bytes()), Err(NoChunks));
    }
}
