//! The bytes of a capture file: unpacked where they are packed, in a buffer that records are read from in place.
//!
//! One `read` of 256 KiB at a time costs half of what libpcap's 4 KiB reads do, and mapping the file costs more than both.
//! A read takes what is there: nothing waits for a buffer to fill, so a pipe delivers each packet as it comes.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// How long a growing file is left alone before it is asked again.
const FOLLOW_PAUSE: Duration = Duration::from_millis(100);
/// The head of a zstd frame without content.
const ZSTD_EMPTY_FRAME: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0];
/// A last block without bytes, and four for a checksum where the frame has one.
const ZSTD_LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// How the bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Packing {
    /// Not at all.
    #[default]
    Plain,
    /// gzip, one or several members (RFC 1952).
    Gzip,
    /// zstd, one or several frames (RFC 8878).
    Zstd,
}

/// Waits at the end of a growing file, until it is told to stop.
#[derive(Debug, Clone)]
pub(super) struct Follow(pub Arc<AtomicBool>);

/// A file's unpacked bytes from `start` on, with those of them that were read.
pub(super) struct Bytes {
    source: Box<dyn Read + Send>,
    data: Vec<u8>,
    start: usize,
    end: usize,
    /// Unpacked bytes before `start`.
    passed: u64,
    over: bool,
    follow: Option<Follow>,
    pub packing: Packing,
}

impl Bytes {
    /// Opens a file, or standard input for `-`; tells by the first bytes whether it is packed.
    pub fn open(path: &Path, buffer_bytes: usize, follow: Option<Follow>) -> io::Result<Self> {
        let source: Box<dyn Read + Send> =
            if path == Path::new("-") { Box::new(io::stdin().lock_free()) } else { Box::new(File::open(path)?) };
        Bytes::new(source, buffer_bytes, follow)
    }

    /// Reads from `source`.
    pub fn new(source: Box<dyn Read + Send>, buffer_bytes: usize, follow: Option<Follow>) -> io::Result<Self> {
        let mut bytes = Bytes {
            source,
            data: vec![0; buffer_bytes],
            start: 0,
            end: 0,
            passed: 0,
            over: false,
            follow,
            packing: Packing::Plain,
        };
        bytes.ensure(4)?;
        bytes.packing = match bytes.available() {
            [0x1f, 0x8b, 8, ..] => Packing::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Zstd,
            _ => return Ok(bytes),
        };
        let head = io::Cursor::new(bytes.available().to_vec());
        let packed = head.chain(std::mem::replace(&mut bytes.source, Box::new(io::empty())));
        bytes.source = match bytes.packing {
            Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(65_536, packed))),
            _ => Box::new(Zstd::new(packed)?),
        };
        (bytes.start, bytes.end, bytes.over, bytes.follow) = (0, 0, false, None);
        Ok(bytes)
    }

    /// Sees to it that `wanted` bytes can be looked at; false when the file ends before.
    #[inline]
    pub fn ensure(&mut self, wanted: usize) -> io::Result<bool> {
        if self.end - self.start >= wanted { Ok(true) } else { self.fill(wanted) }
    }

    #[cold]
    fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        if self.start > 0 {
            self.data.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.data.len() < wanted {
            self.data.resize(wanted.next_power_of_two(), 0);
        }
        while self.end < wanted && !self.over {
            match self.source.read(self.data.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => match &self.follow {
                    Some(Follow(stop)) if !stop.load(Ordering::Relaxed) => std::thread::sleep(FOLLOW_PAUSE),
                    _ => self.over = true,
                },
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    // A signal: whoever sent it may want the end.
                    self.over = self.follow.as_ref().is_some_and(|f| f.0.load(Ordering::Relaxed));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(self.end >= wanted)
    }

    /// What was read and not passed yet.
    #[inline]
    pub fn available(&self) -> &[u8] {
        self.data.get(self.start..self.end).unwrap_or_default()
    }

    /// Bytes by their place, as [`Bytes::place`] gave it; valid until the next `ensure` or `skip`.
    #[inline]
    pub fn at(&self, place: usize, length: usize) -> &[u8] {
        self.data.get(place..place + length).unwrap_or_default()
    }

    /// The place of the next byte.
    #[inline]
    pub fn place(&self) -> usize {
        self.start
    }

    /// Goes on by `length` bytes that `ensure` has seen.
    #[inline]
    pub fn pass(&mut self, length: usize) {
        self.start += length;
        self.passed += length as u64;
    }

    /// Goes on by `length` bytes, without holding them; false when the file ends before.
    pub fn skip(&mut self, mut length: u64) -> io::Result<bool> {
        loop {
            let here = (self.end - self.start).min(usize::try_from(length).unwrap_or(usize::MAX));
            self.pass(here);
            length -= here as u64;
            if length == 0 {
                return Ok(true);
            }
            if !self.ensure(1)? {
                return Ok(false);
            }
        }
    }

    /// Whoever followed the growing file has seen enough: it may end anywhere.
    pub fn was_stopped(&self) -> bool {
        self.follow.as_ref().is_some_and(|Follow(stop)| stop.load(Ordering::Relaxed))
    }

    /// Unpacked bytes passed.
    pub fn offset(&self) -> u64 {
        self.passed
    }
}

/// Standard input without the lock and the buffer of `std`: a read takes what is there.
trait LockFree {
    fn lock_free(self) -> Box<dyn Read + Send>;
}

impl LockFree for io::Stdin {
    fn lock_free(self) -> Box<dyn Read + Send> {
        use std::os::fd::AsFd;
        match self.as_fd().try_clone_to_owned() {
            Ok(fd) => Box::new(File::from(fd)),
            Err(_) => Box::new(self),
        }
    }
}

/// zstd frames one after the other; skippable ones are passed over.
struct Zstd<R: Read> {
    source: BufReader<R>,
    decoder: FrameDecoder,
    inside: bool,
    /// A fault that is told once what came before it has been handed on.
    fault: Option<io::Error>,
}

impl<R: Read> Zstd<R> {
    fn new(source: R) -> io::Result<Self> {
        let mut decoder = FrameDecoder::new();
        // The decoder refuses windows above 100 MiB, but not of its first frame: a few bytes could then ask for any memory.
        decoder.reset(ZSTD_EMPTY_FRAME.as_slice()).map_err(io::Error::other)?;
        Ok(Zstd { source: BufReader::with_capacity(65_536, source), decoder, inside: false, fault: None })
    }

    /// Begins the next frame; false at the end.
    fn begin(&mut self) -> io::Result<bool> {
        use std::io::BufRead;
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.source.by_ref().take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = if self.inside { self.decoder.read(out)? } else { 0 };
            if read > 0 || out.is_empty() {
                return Ok(read);
            }
            if let Some(fault) = self.fault.take() {
                return Err(fault);
            }
            if !self.inside || self.decoder.is_finished() {
                self.inside = self.begin()?;
                if !self.inside {
                    return Ok(0);
                }
            }
            if let Err(error) = self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1)) {
                self.fault = Some(io::Error::other(error));
                // An unfinished frame holds back its window, up to megabytes that are good: finish it.
                let last = ZSTD_LAST_BLOCK.as_slice();
                self.decoder.decode_blocks(last, BlockDecodingStrategy::All).map_err(io::Error::other)?;
            }
        }
    }
}
