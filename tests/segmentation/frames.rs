//! The same exchanges as a connection of HTTP/2 says them: many at a time, in frames.

use std::collections::VecDeque;

use super::{Exchange, Framed, Said};

/// Compresses with one table, and without Huffman's code.
#[derive(Default)]
struct Writer {
    table: VecDeque<(String, String)>,
}

impl Writer {
    fn block(&mut self, fields: &[(&str, String)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in fields {
            let given = STATIC.iter().find(|(_, n, v)| n == name && v == value).map(|(at, ..)| *at);
            let known = given.or_else(|| Some(self.table.iter().position(|(n, v)| n == name && v == value)? + 62));
            if let Some(at) = known {
                integer(&mut out, 0x80, 7, at);
                continue;
            }
            let given = STATIC.iter().find(|(_, n, _)| n == name).map(|(at, ..)| *at);
            let named = given.or_else(|| Some(self.table.iter().position(|(n, _)| n == name)? + 62));
            integer(&mut out, 0x40, 6, named.unwrap_or(0));
            if named.is_none() {
                integer(&mut out, 0, 7, name.len());
                out.extend(name.bytes());
            }
            integer(&mut out, 0, 7, value.len());
            out.extend(value.bytes());
            self.table.push_front(((*name).to_owned(), value.clone()));
            let size =
                |table: &VecDeque<(String, String)>| table.iter().map(|(n, v)| n.len() + v.len() + 32).sum::<usize>();
            while size(&self.table) > 4096 {
                self.table.pop_back();
            }
        }
        out
    }
}

/// Some of RFC 7541's Appendix A.
const STATIC: [(usize, &str, &str); 7] = [
    (2, ":method", "GET"),
    (3, ":method", "POST"),
    (4, ":path", "/"),
    (6, ":scheme", "http"),
    (8, ":status", "200"),
    (9, ":status", "204"),
    (34, "etag", ""),
];

fn integer(out: &mut Vec<u8>, first: u8, bits: u32, n: usize) {
    let most = (1 << bits) - 1;
    out.push(first | u8::try_from(n.min(most)).unwrap());
    if n >= most {
        let mut rest = n - most;
        while rest >= 128 {
            out.push(u8::try_from(rest % 128).unwrap() | 128);
            rest /= 128;
        }
        out.push(u8::try_from(rest).unwrap());
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// A head in one frame, or in several; with padding and priority.
fn head(stream: u32, block: &[u8], ends: bool, e: &Exchange) -> Vec<u8> {
    let end = if ends { END_STREAM } else { 0 };
    let mut parts: Vec<&[u8]> = if e.joined { vec![block] } else { block.chunks(40).collect() };
    if e.interim {
        parts.push(b"");
    }
    let mut out = Vec::new();
    for (n, part) in parts.iter().enumerate() {
        let whole = if n + 1 == parts.len() { END_HEADERS } else { 0 };
        if n > 0 {
            out.extend(frame(CONTINUATION, whole, stream, part));
        } else if e.decoy {
            let payload = [&[3][..], &[0, 0, 0, 0, 16], part, &[0; 3]].concat();
            out.extend(frame(HEADERS, whole | end | PADDED | PRIORITY, stream, &payload));
        } else {
            out.extend(frame(HEADERS, whole | end, stream, part));
        }
    }
    out
}

fn body(stream: u32, framed: Framed, bytes: usize, ends: bool) -> Vec<Vec<u8>> {
    let text = vec![b'x'; bytes];
    let mut out: Vec<Vec<u8>> = text
        .chunks(100)
        .map(|part| match framed {
            Framed::Chunked => frame(DATA, PADDED, stream, &[&[5][..], part, &[0; 5]].concat()),
            _ => frame(DATA, 0, stream, part),
        })
        .collect();
    if ends {
        out.push(frame(DATA, END_STREAM, stream, b""));
    }
    out
}

/// Exchanges on streams of their own, up to `ahead` of them at a time, whose answers come the last first and frame by frame.
pub fn multiplexed(exchanges: &[Exchange], ahead: &[usize]) -> Vec<Said> {
    let (mut client, mut server) = (Writer::default(), Writer::default());
    let said = |client, bytes| Said { client, bytes };
    let mut out = vec![
        said(true, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        said(true, frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 16, 0])),
        said(false, frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])),
        said(false, frame(SETTINGS, 1, 0, b"")),
    ];
    let mut ahead = ahead.iter().cycle();
    let mut begun = 0;
    while begun < exchanges.len() {
        let burst = ahead.next().copied().unwrap_or(1).min(exchanges.len() - begun);
        let now: Vec<usize> = (begun..begun + burst).collect();
        begun += burst;
        for &n in &now {
            let (e, stream) = (&exchanges[n], number(n));
            let upload = e.upload.filter(|_| !e.head);
            let method = if e.head { "HEAD" } else { upload.map_or("GET", |_| "POST") };
            let block = client.block(&[
                (":method", method.into()),
                (":scheme", "http".into()),
                (":path", format!("/{n}")),
                (":authority", "b.test".into()),
                ("origin", "http://a.test".into()),
            ]);
            out.push(said(true, head(stream, &block, upload.is_none(), e)));
            if let Some((framed, bytes)) = upload {
                out.extend(body(stream, framed, bytes, true).into_iter().map(|bytes| said(true, bytes)));
            }
        }
        out.push(said(true, frame(WINDOW_UPDATE, 0, 0, &[0, 1, 0, 0])));
        let mut answers: Vec<VecDeque<Vec<u8>>> = Vec::new();
        for &n in now.iter().rev() {
            let (e, stream) = (&exchanges[n], number(n));
            let has_body = e.answer != Framed::None && !e.head;
            let has_trailer = e.answer == Framed::Chunked && has_body;
            let mut frames = VecDeque::new();
            if e.interim {
                let block = server.block(&[(":status", "103".into()), ("link", "</a>".into())]);
                frames.push_back(head(stream, &block, false, e));
            }
            let status = if e.answer == Framed::None { "204" } else { "200" };
            let block = server.block(&[
                (":status", status.into()),
                ("etag", n.to_string()),
                ("access-control-allow-origin", "*".into()),
            ]);
            frames.push_back(head(stream, &block, !has_body, e));
            if has_body {
                frames.extend(body(stream, e.answer, e.answer_bytes, !has_trailer));
            }
            if has_trailer {
                let block = server.block(&[("x-checksum", "1".into())]);
                frames.push_back(head(stream, &block, true, e));
            }
            if e.expects {
                // it wants no more of the request
                frames.push_back(frame(RST_STREAM, 0, stream, &[0; 4]));
            }
            // header blocks are compressed in the order in which they are sent: all heads first
            let heads = usize::from(e.interim) + 1;
            if has_trailer {
                out.extend(frames.drain(..).map(|bytes| said(false, bytes)));
            } else {
                out.extend(frames.drain(..heads).map(|bytes| said(false, bytes)));
                answers.push(frames);
            }
        }
        while answers.iter().any(|frames| !frames.is_empty()) {
            out.extend(answers.iter_mut().filter_map(VecDeque::pop_front).map(|bytes| said(false, bytes)));
            out.push(said(true, frame(PING, 0, 0, b"12345678")));
        }
    }
    out
}

fn number(n: usize) -> u32 {
    u32::try_from(2 * n + 1).unwrap()
}
