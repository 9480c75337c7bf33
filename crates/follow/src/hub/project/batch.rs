//! Events of a project that many followers share.

use slipway_store::stream::{Place, ProjectEvent};

use crate::hub::batch::size;
use crate::hub::shelf::Shelved;

/// One event or more, in order, and all that there are from a place on up to the last one.
#[derive(Debug)]
pub(super) struct Batch {
    after: Place,
    events: Vec<ProjectEvent>,
}

impl Batch {
    /// `None` of no events.
    pub(super) fn new(after: Place, events: Vec<ProjectEvent>) -> Option<Self> {
        (!events.is_empty()).then_some(Self { after, events })
    }

    pub(super) fn events(&self) -> &[ProjectEvent] {
        &self.events
    }

    /// The event that comes next after a place; none where that is before this batch, or beyond.
    pub(super) fn next_after(&self, place: Place) -> Option<&ProjectEvent> {
        let index = self.events.partition_point(|event| event.place <= place);
        self.events.get(index).filter(|_| place >= self.after)
    }
}

impl Shelved for Batch {
    type Place = Place;

    fn last(&self) -> Place {
        self.events.last().map_or(self.after, |event| event.place)
    }

    fn size(&self) -> usize {
        self.events.iter().map(|event| size(&event.event)).sum()
    }
}
