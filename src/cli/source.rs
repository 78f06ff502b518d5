//! Stands in for the capture reader until it is there: uncompressed files, one after the other.

use std::path::PathBuf;

use crate::packet::{InterfaceId, LinkType, Order, Packet, Time};
use crate::report::Input;

/// Packets of several files.
pub struct Source {
    paths: std::collections::VecDeque<PathBuf>,
    open: Option<(pcap::Capture<pcap::Offline>, LinkType)>,
    order: u64,
    inputs: Vec<Input>,
}

impl Source {
    /// Opens nothing yet.
    #[must_use]
    pub fn new(paths: &[PathBuf]) -> Self {
        Source { paths: paths.iter().cloned().collect(), open: None, order: 0, inputs: Vec::new() }
    }

    /// The next packet.
    #[allow(clippy::should_implement_trait)] // it lends
    pub fn next(&mut self) -> Option<Packet<'_>> {
        loop {
            if self.open.is_none() {
                let path = self.paths.pop_front()?;
                let mut input = Input { path: path.display().to_string(), ..Input::default() };
                match pcap::Capture::from_file_with_precision(&path, pcap::Precision::Nano) {
                    Ok(capture) => {
                        let link = LinkType(u16::try_from(capture.get_datalink().0).unwrap_or(u16::MAX));
                        self.open = Some((capture, link));
                    }
                    Err(error) => input.error = Some(error.to_string()),
                }
                self.inputs.push(input);
                continue;
            }
            // The borrow of a packet that is returned would last over the loop: ask first, then borrow again.
            let (capture, link) = self.open.as_mut()?;
            let link = *link;
            match capture.next_packet() {
                Ok(packet) => {
                    let order = Order(self.order);
                    self.order += 1;
                    if let Some(input) = self.inputs.last_mut() {
                        input.packets += 1;
                    }
                    let header = packet.header;
                    // Safe Rust cannot return `packet.data` out of this loop; the copy goes with this stand-in.
                    let bytes: &'static [u8] = Box::leak(packet.data.to_vec().into_boxed_slice());
                    return Some(Packet {
                        order,
                        time: Time::from_parts(header.ts.tv_sec, header.ts.tv_usec),
                        interface: InterfaceId(0),
                        link,
                        bytes,
                        wire_bytes: header.len,
                    });
                }
                Err(pcap::Error::NoMorePackets) => self.open = None,
                Err(error) => {
                    if let Some(input) = self.inputs.last_mut() {
                        input.error = Some(error.to_string());
                    }
                    self.open = None;
                }
            }
        }
    }

    /// What became of each file.
    #[must_use]
    pub fn into_inputs(self) -> Vec<Input> {
        self.inputs
    }
}
