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
    freed: Notify,
}

/// A place that is taken, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    room: Arc<Inner>,
    host: String,
}

impl Room {
    pub(super) fn new(in_all: usize, at_one_host: usize) -> Self {
        let taken = Mutex::default();
        Self(Arc::new(Inner { in_all, at_one_host, taken, freed: Notify::new() }))
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

    /// The hosts that have no place left.
    pub(super) fn full_hosts(&self) -> Vec<String> {
        let taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let full = taken.iter().filter(|(_, here)| **here >= self.0.at_one_host);
        full.map(|(host, _)| host.clone()).collect()
    }

    /// Waits until a place was given back.
    pub(super) async fn freed(&self) {
        self.0.freed.notified().await;
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
        let room = Room::new(3, 2);
        let first = room.take("a:443").unwrap();
        let _second = room.take("a:443").unwrap();
        assert!(room.take("a:443").is_none());
        assert_eq!(room.full_hosts(), ["a:443"]);
        let _third = room.take("b:443").unwrap();
        assert!(room.take("c:443").is_none(), "no more in all");
        drop(first);
        assert!(room.full_hosts().is_empty());
        assert!(room.take("c:443").is_some());
    }
}
