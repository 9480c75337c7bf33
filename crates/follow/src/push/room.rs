//! How many followers are told at once, in all and at each host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// What may go on at once.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    in_all: usize,
    at_one_host: usize,
    taken: Mutex<HashMap<String, usize>>,
    /// Shared by all rooms of a process: who waits for one waits for any.
    freed: Arc<Notify>,
}

/// A place that is taken, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    room: Arc<Inner>,
    host: String,
}

impl Room {
    pub(super) fn new(in_all: usize, at_one_host: usize, freed: &Arc<Notify>) -> Self {
        let taken = Mutex::default();
        Self(Arc::new(Inner { in_all, at_one_host, taken, freed: Arc::clone(freed) }))
    }

    /// A place at a host, if there is one.
    pub(super) fn take(&self, host: &str) -> Option<Place> {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= self.0.in_all {
            return None;
        }
        let here = taken.entry(host.to_owned()).or_default();
        if *here >= self.0.at_one_host {
            return None;
        }
        *here += 1;
        Some(Place { room: Arc::clone(&self.0), host: host.to_owned() })
    }

    /// Where there is no place left: the hosts, or `None` for all of them.
    pub(super) fn full(&self) -> Vec<Option<String>> {
        let taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= self.0.in_all {
            return vec![None];
        }
        let full = taken.iter().filter(|(_, here)| **here >= self.0.at_one_host);
        full.map(|(host, _)| Some(host.clone())).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.room.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = taken.get_mut(&self.host) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                taken.remove(&self.host);
            }
        }
        drop(taken);
        self.room.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_leaves_room_for_others() {
        let room = Room::new(3, 2, &Arc::default());
        let first = room.take("a:443").unwrap();
        let _second = room.take("a:443").unwrap();
        assert!(room.take("a:443").is_none());
        assert_eq!(room.full(), [Some("a:443".to_owned())]);
        let _third = room.take("b:443").unwrap();
        assert!(room.take("c:443").is_none(), "no more in all");
        assert_eq!(room.full(), [None]);
        drop(first);
        assert!(room.full().is_empty());
        assert!(room.take("c:443").is_some());
    }
}
