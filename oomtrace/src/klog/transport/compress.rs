//! Compressed logs, recognised by their first bytes and unpacked as they are read.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;

/// Bytes read at once from what is compressed.
const BLOCK_BYTES: usize = 64 * 1024;

/// Memory that a hostile xz file may ask for: what `xz -9` needs, and a little more.
const XZ_KIB_MAX: u32 = 96 * 1024;

/// Memory that a hostile zstd file may ask for: what `zstd --long` needs.
const ZSTD_WINDOW_BYTES_MAX: u64 = 128 * 1024 * 1024;

const GZIP: &[u8] = &[0x1f, 0x8b];
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Skippable zstd frames: 0x184D2A50 to 0x184D2A5F, little endian.
const ZSTD_SKIPPABLE: &[u8] = &[0x2a, 0x4d, 0x18];

/// Most bytes that are needed to tell.
const MAGIC_BYTES: usize = 6;

/// `input` unpacked, if it is gzip, xz or zstd; as it is, if not.
///
/// # Errors
///
/// `input` cannot be read. What is compressed badly is an error of the reader that comes out, once
/// all that came before was read.
pub fn unpacked<'a>(mut input: impl Read + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
    let mut magic = [0; MAGIC_BYTES];
    let length = fill(&mut input, &mut magic)?;
    let magic = magic.get(..length).unwrap_or_default().to_vec();
    let kind = Kind::of(&magic);
    let whole = Cursor::new(magic).chain(input);
    let Some(kind) = kind else {
        return Ok(Box::new(whole));
    };
    let whole = BufReader::with_capacity(BLOCK_BYTES, whole);
    Ok(match kind {
        Kind::Gzip => Box::new(Named("gzip", MultiGzDecoder::new(whole))),
        Kind::Xz => Box::new(Named(
            "xz",
            XzReader::new_mem_limit(whole, true, XZ_KIB_MAX),
        )),
        Kind::Zstd => Box::new(Named("zstd", Zstd::Between(whole))),
    })
}

/// Whether what begins like this (with 6 bytes or more, or all there are) is compressed.
#[must_use]
pub fn is_packed(start: &[u8]) -> bool {
    Kind::of(start).is_some()
}

/// Forms of compression.
#[derive(Clone, Copy)]
enum Kind {
    Gzip,
    Xz,
    Zstd,
}

impl Kind {
    fn of(magic: &[u8]) -> Option<Self> {
        let skippable = magic
            .split_first()
            .is_some_and(|(first, rest)| first & 0xf0 == 0x50 && rest.starts_with(ZSTD_SKIPPABLE));
        if magic.starts_with(GZIP) {
            Some(Self::Gzip)
        } else if magic.starts_with(XZ) {
            Some(Self::Xz)
        } else if magic.starts_with(ZSTD) || skippable {
            Some(Self::Zstd)
        } else {
            None
        }
    }
}

/// Reads until `buffer` is full or the input ends.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A reader whose errors name the form of compression.
struct Named<R>(&'static str, R);

impl<R: Read> Read for Named<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1.read(buffer).map_err(|error| {
            let what = if error.kind() == io::ErrorKind::UnexpectedEof {
                "ends in the middle of its".to_owned()
            } else {
                format!("is damaged ({error}) in its")
            };
            io::Error::new(error.kind(), format!("{what} {} data", self.0))
        })
    }
}

/// What was recognised, with its first bytes before it again.
type Source<R> = BufReader<Chain<Cursor<Vec<u8>>, R>>;

/// One zstd frame after the other.
enum Zstd<R: Read> {
    Between(Source<R>),
    Within(Box<StreamingDecoder<Source<R>, ruzstd::decoding::FrameDecoder>>),
    Ended,
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(self, Self::Ended) {
                Self::Ended => return Ok(0),
                Self::Between(mut source) => {
                    let ahead = source.fill_buf()?;
                    if ahead.is_empty() {
                        return Ok(0);
                    }
                    if is_skippable(ahead) {
                        skip_frame(&mut source)?;
                        *self = Self::Between(source);
                        continue;
                    }
                    let decoder =
                        StreamingDecoder::new_with_max_window_size(source, ZSTD_WINDOW_BYTES_MAX)
                            .map_err(io::Error::other)?;
                    *self = Self::Within(Box::new(decoder));
                }
                Self::Within(mut decoder) => {
                    let read = decoder.read(buffer)?;
                    if read > 0 || buffer.is_empty() {
                        *self = Self::Within(decoder);
                        return Ok(read);
                    }
                    *self = Self::Between(decoder.into_inner());
                }
            }
        }
    }
}

fn is_skippable(ahead: &[u8]) -> bool {
    ahead
        .split_first()
        .is_some_and(|(first, rest)| first & 0xf0 == 0x50 && rest.starts_with(ZSTD_SKIPPABLE))
}

fn skip_frame(source: &mut impl Read) -> io::Result<()> {
    let mut head = [0; 8];
    source.read_exact(&mut head)?;
    let [_, _, _, _, length @ ..] = head;
    let length = u64::from(u32::from_le_bytes(length));
    let skipped = io::copy(&mut source.take(length), &mut io::sink())?;
    if skipped < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const TEXT: &[u8] = b"[    1.000000] a line\n[    2.000000] another\n";

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        unpacked(bytes)?.read_to_end(&mut out).map(|_| out)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// A frame with one raw block, as the format's description has it.
    fn zstd(bytes: &[u8]) -> Vec<u8> {
        let mut out = ZSTD.to_vec();
        let length = u8::try_from(bytes.len()).unwrap();
        // Single segment, one byte of content size; then the last block, raw.
        out.extend([0x20, length]);
        let header = (u32::from(length) << 3) | 1;
        out.extend(&header.to_le_bytes()[..3]);
        out.extend(bytes);
        out
    }

    /// Made by `xz`, of `TEXT`.
    const XZ_FILE: &[u8] = include_bytes!("testdata/two-lines.xz");

    #[test]
    fn each_form_is_recognised_and_unpacked() {
        for packed in [TEXT.to_vec(), gzip(TEXT), zstd(TEXT), XZ_FILE.to_vec()] {
            assert_eq!(read(&packed).unwrap(), TEXT);
        }
        assert_eq!(read(b"").unwrap(), b"");
        assert_eq!(read(b"\x1f").unwrap(), b"\x1f");
    }

    #[test]
    fn files_that_were_appended_to_are_read_to_their_end() {
        for packed in [gzip(TEXT), zstd(TEXT), XZ_FILE.to_vec()] {
            assert_eq!(read(&packed.repeat(3)).unwrap(), TEXT.repeat(3));
        }
        let mut skippable = vec![0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        skippable.extend(zstd(TEXT));
        assert_eq!(read(&skippable).unwrap(), TEXT);
    }

    #[test]
    fn a_cut_file_is_an_error_that_says_so() {
        for packed in [gzip(TEXT), zstd(TEXT), XZ_FILE.to_vec()] {
            for length in MAGIC_BYTES + 1..packed.len() {
                let Err(error) = read(&packed[..length]) else {
                    panic!("cut to {length} of {}", packed.len());
                };
                assert!(error.to_string().contains(" data"), "{error}");
            }
        }
    }
}
