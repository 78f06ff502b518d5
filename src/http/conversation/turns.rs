//! Who speaks in turn: where a message may begin behind a hole.

use super::{Conversation, Reader};
use crate::decode::Side;
use crate::http::probe::begins_for_sure;

/// Interim answers are shorter than this.
const INTERIM_BYTES_MAX: u32 = 16 * 1024;

/// What a direction's newest segment with data said of the peer's stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    /// Its sender had received so much.
    pub(super) acked: u32,
    /// Where that began which it said since then.
    begin: u32,
    /// Where it ends.
    end: u32,
    /// It is no interim answer, which a server gives in the midst of a request.
    is_final: bool,
}

impl Conversation {
    /// A segment with data arrived, in whatever order, `bytes` long. Says whether its sender speaks in turn: the peer's newest data was
    /// sent after all that lies before this segment had arrived, and this segment after all of that data had. Who speaks in turn
    /// begins a message. In the midst of a body one side speaks on and the other has nothing to say, but for interim answers.
    #[inline]
    pub fn on_arrival(&mut self, side: Side, seq: u32, payload: &[u8], bytes: u32, ack: Option<u32>) -> bool {
        let Some(acked) = ack else { return false };
        let [me, peer] = [side.index(), side.other().index()];
        let said = self.readers[peer].said;
        let in_turn = said.is_some_and(|s| s.acked == seq && s.is_final && !is_behind(s.end, acked));
        let end = seq.wrapping_add(bytes);
        let Reader { said, first, .. } = &mut self.readers[me];
        let before = match said {
            Some(said) if said.acked == acked => {
                said.end = if is_behind(end, said.end) { end } else { said.end };
                said.is_final =
                    said.is_final || is_final_answer(payload) || said.end.wrapping_sub(said.begin) > INTERIM_BYTES_MAX;
                return in_turn;
            }
            Some(said) if !is_behind(end, said.end) => return in_turn,
            Some(said) => Some(said.end),
            None => *first,
        };
        let is_whole = before.is_none_or(|before| !is_behind(seq, before));
        // Who asks gives no interim answers.
        let is_client = match self.client {
            Some(client) => client == side,
            None => !is_whole && !may_be_answer(payload) && begins_for_sure(payload),
        };
        let is_final = is_client || is_whole && !may_be_answer(payload) || is_final_answer(payload);
        *said = Some(Said { acked, begin: seq, end, is_final });
        in_turn
    }
}

/// `a` lies behind `b` in a stream of wrapping sequence numbers.
pub(super) fn is_behind(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() > 0
}

/// An answer, or the beginning of what may be one.
pub(super) fn may_be_answer(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.") || b"HTTP/1.".starts_with(bytes)
}

/// An answer that is not interim.
fn is_final_answer(bytes: &[u8]) -> bool {
    matches!(bytes, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', status, ..] if *status != b'1')
}
