//! Events that many followers share, with the bytes that are sent of them.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use slipway_domain::Event;

use super::shelf::Shelved;

/// A form in which every follower gets the same bytes: they are made once for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Server-sent events.
    Messages,
    /// Frames of a WebSocket.
    Frames,
    /// JSON lines.
    Lines,
}

/// The bytes of a batch in one shape.
#[derive(Debug)]
struct Wire {
    bytes: Bytes,
    /// Where each event begins.
    starts: Vec<usize>,
}

/// One event or more, in order and without a gap.
#[derive(Debug)]
pub(super) struct Batch {
    events: Vec<Event>,
    wires: [OnceLock<Wire>; 3],
}

/// A part of a batch: one event or more from its place on.
#[derive(Debug, Clone)]
pub struct Part {
    batch: Arc<Batch>,
    first: usize,
    end: usize,
}

impl Batch {
    /// `None` of no events.
    pub(super) fn new(events: Vec<Event>) -> Option<Self> {
        (!events.is_empty()).then(|| Self { events, wires: Default::default() })
    }
}

impl Shelved for Batch {
    type Place = i64;

    /// The number of its last event.
    fn last(&self) -> i64 {
        self.events.last().map_or(0, |event| event.seq)
    }

    fn size(&self) -> usize {
        self.events.iter().map(size).sum()
    }
}

/// About how many bytes an event holds.
pub(super) fn size(event: &Event) -> usize {
    const REST: usize = 256;
    event.body.size() + REST
}

impl Part {
    /// What `batch` has after event `after`, up to event `until`; nothing where it does not
    /// go on right after it.
    pub(super) fn of(batch: Arc<Batch>, after: i64, until: Option<i64>) -> Option<Self> {
        let place = |seq: i64| batch.events.partition_point(|event| event.seq <= seq);
        let (first, end) = (place(after), until.map_or(batch.events.len(), place));
        let follows = batch.events.get(first).is_some_and(|event| event.seq == after + 1);
        (follows && first < end).then_some(Self { batch, first, end })
    }

    pub(super) fn whole(&self) -> &Arc<Batch> {
        &self.batch
    }

    /// The events.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        self.batch.events.get(self.first..self.end).unwrap_or_default()
    }

    /// The number of the last one.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.events().last().map_or(0, |event| event.seq)
    }

    /// The bytes of these events in a shape; `add` makes those of one event, unless another
    /// follower has had them made.
    #[must_use]
    pub fn wire(&self, shape: Shape, add: fn(&Event, &mut Vec<u8>)) -> Bytes {
        let place = match shape {
            Shape::Messages => 0,
            Shape::Frames => 1,
            Shape::Lines => 2,
        };
        let Some(made) = self.batch.wires.get(place) else { return Bytes::new() };
        let wire = made.get_or_init(|| Wire::new(&self.batch.events, add));
        let start = |index: usize| wire.starts.get(index).copied().unwrap_or(wire.bytes.len());
        wire.bytes.slice(start(self.first)..start(self.end))
    }
}

impl Wire {
    fn new(events: &[Event], add: fn(&Event, &mut Vec<u8>)) -> Self {
        let mut bytes = Vec::new();
        let starts = events
            .iter()
            .map(|event| {
                let start = bytes.len();
                add(event, &mut bytes);
                start
            })
            .collect();
        bytes.shrink_to_fit();
        Self { bytes: bytes.into(), starts }
    }
}
