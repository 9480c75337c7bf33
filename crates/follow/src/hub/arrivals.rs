//! Builds that many ask for at once are read once for all of them.
//!
//! When a server comes back, or a build that many watch begins, its followers come within the same
//! second. A look at the database for each of them would be a line of a thousand, and each holds
//! its request in memory for as long as it stands there, which is more than it takes to follow.
//!
//! Whoever comes while a row is being read is answered by the next reading, which is for all who
//! came meanwhile: one that had begun before may not know what the client knows already.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slipway_domain::BuildId;
use slipway_store::StoreError;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

type Found<T> = Result<Option<Arc<T>>, StoreError>;
type Waiting<T> = Vec<oneshot::Sender<Found<T>>>;

/// Where those meet who ask for a build.
#[derive(Debug)]
pub(super) struct Arrivals<T>(Arc<Mutex<HashMap<BuildId, Waiting<T>>>>);

impl<T> Default for Arrivals<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Send + Sync + 'static> Arrivals<T> {
    /// What `read` gives, called on `runtime` after this was asked for. May be cancelled: the
    /// others are answered all the same.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) async fn find<R>(
        &self,
        runtime: &Handle,
        build: BuildId,
        read: impl Fn() -> R + Clone + Send + Sync + 'static,
    ) -> Found<T>
    where
        R: Future<Output = Result<Option<T>, StoreError>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        if self.join(build, answer) {
            let reading = Reading { arrivals: Self(Arc::clone(&self.0)), build, is_over: false };
            runtime.spawn(reading.for_all(read.clone()));
        }
        match answered.await {
            Ok(found) => found,
            // Boxed: a request that waits is as large as all that it may ever wait for.
            Err(_) => Ok(Box::pin(read()).await?.map(Arc::new)),
        }
    }

    /// Says whether nobody is reading, so that the caller has to.
    fn join(&self, build: BuildId, answer: oneshot::Sender<Found<T>>) -> bool {
        let mut asked = self.asked();
        let waiting = asked.get_mut(&build);
        let is_first = waiting.is_none();
        match waiting {
            Some(waiting) => waiting.push(answer),
            None => drop(asked.insert(build, vec![answer])),
        }
        is_first
    }

    /// Those that are answered next. Where there are none, nobody is reading from here on.
    fn next(&self, build: BuildId) -> Waiting<T> {
        let mut asked = self.asked();
        let next = asked.get_mut(&build).map(std::mem::take).unwrap_or_default();
        if next.is_empty() {
            asked.remove(&build);
        }
        next
    }
}

impl<T> Arrivals<T> {
    fn asked(&self) -> MutexGuard<'_, HashMap<BuildId, Waiting<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Reading<T> {
    arrivals: Arrivals<T>,
    build: BuildId,
    is_over: bool,
}

impl<T: Send + Sync + 'static> Reading<T> {
    async fn for_all<R>(mut self, read: impl Fn() -> R)
    where
        R: Future<Output = Result<Option<T>, StoreError>>,
    {
        loop {
            let next = self.arrivals.next(self.build);
            if next.is_empty() {
                self.is_over = true;
                return;
            }
            answer(next, read().await);
        }
    }
}

/// One that did not get to its end leaves nobody waiting for it.
impl<T> Drop for Reading<T> {
    fn drop(&mut self) {
        if !self.is_over {
            self.arrivals.asked().remove(&self.build);
        }
    }
}

/// Whoever does not listen any more needs no answer.
fn answer<T>(all: Waiting<T>, found: Result<Option<T>, StoreError>) {
    let mut all = all.into_iter();
    match found {
        Ok(found) => {
            let found = found.map(Arc::new);
            all.for_each(|one| drop(one.send(Ok(found.clone()))));
        }
        Err(error) => {
            let words = error.is_passing().then(|| error.source().unwrap_or(&error).to_string());
            let first = all.next();
            // A store that is away is away for all. Of anything else each hears by looking for
            // itself.
            if let Some(words) = words {
                let away = || StoreError::Unavailable(words.clone().into());
                all.for_each(|one| drop(one.send(Err(away()))));
            }
            drop(first.map(|first| first.send(Err(error))));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::sync::Semaphore;
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    use super::*;

    /// Readings of one build that end when the test says so. Each gives its own number.
    struct Readings {
        build: BuildId,
        arrivals: Arrivals<usize>,
        begun: AtomicUsize,
        may_end: Semaphore,
        goes_wrong: fn(BuildId) -> Option<StoreError>,
    }

    impl Readings {
        fn of(goes_wrong: fn(BuildId) -> Option<StoreError>) -> Arc<Self> {
            let (arrivals, begun) = Default::default();
            let (build, may_end) = (BuildId::generate(), Semaphore::new(0));
            Arc::new(Self { build, arrivals, begun, may_end, goes_wrong })
        }

        async fn read(&self) -> Result<Option<usize>, StoreError> {
            let nth = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            self.may_end.acquire().await.unwrap().forget();
            (self.goes_wrong)(self.build).map_or(Ok(Some(nth)), Err)
        }

        /// Asks so many times at once, and gives back when all of them wait.
        async fn ask(self: &Arc<Self>, times: usize) -> Vec<JoinHandle<Found<usize>>> {
            let waiting = || self.arrivals.asked().get(&self.build).map_or(0, Vec::len);
            let before = waiting();
            let ask = |_| {
                let (asking, reading) = (Arc::clone(self), Arc::clone(self));
                let read = move || {
                    let reading = Arc::clone(&reading);
                    async move { reading.read().await }
                };
                let build = self.build;
                tokio::spawn(
                    async move { asking.arrivals.find(&Handle::current(), build, read).await },
                )
            };
            let asked: Vec<_> = (0..times).map(ask).collect();
            let taken = usize::from(self.begun.load(Ordering::SeqCst) == 0);
            while waiting() < before + times - taken || self.begun.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            asked
        }

        async fn end(&self, all: Vec<JoinHandle<Found<usize>>>) -> Vec<Found<usize>> {
            self.may_end.add_permits(1);
            let mut found = Vec::new();
            for one in all {
                let one = timeout(Duration::from_secs(60), one).await;
                found.push(one.expect("nobody answers").unwrap());
            }
            found
        }
    }

    #[tokio::test]
    async fn a_thousand_are_one_reading_and_no_reading_is_older_than_the_question() {
        let readings = Readings::of(|_| None);
        let first = readings.ask(1).await;
        let thousand = readings.ask(1000).await;
        let found = readings.end(first).await;
        assert_eq!(found[0].as_ref().unwrap().as_deref(), Some(&1));
        assert!(thousand.iter().all(|one| !one.is_finished()), "it had begun before they came");
        for one in readings.end(thousand).await {
            assert_eq!(one.unwrap().as_deref(), Some(&2));
        }
        assert!(readings.arrivals.asked().is_empty());
    }

    #[tokio::test]
    async fn who_goes_takes_nothing_from_the_others() {
        let readings = Readings::of(|_| None);
        let (first, second) = (readings.ask(1).await, readings.ask(2).await);
        first[0].abort();
        second[0].abort();
        readings.may_end.add_permits(1);
        let [_, stays] = <[_; 2]>::try_from(second).unwrap();
        let found = readings.end(vec![stays]).await;
        assert_eq!(found[0].as_ref().unwrap().as_deref(), Some(&2));
    }

    #[tokio::test]
    async fn a_store_that_is_away_is_away_for_all() {
        let readings = Readings::of(|_| Some(StoreError::Unavailable("no route".into())));
        let (first, others) = (readings.ask(1).await, readings.ask(3).await);
        readings.end(first).await[0].as_ref().unwrap_err();
        for one in readings.end(others).await {
            assert!(one.unwrap_err().is_passing());
        }
        assert_eq!(readings.begun.load(Ordering::SeqCst), 2, "one for all who came second");
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_told_to_each() {
        let readings = Readings::of(|build| Some(StoreError::LogMissing(build)));
        let (first, others) = (readings.ask(1).await, readings.ask(3).await);
        readings.may_end.add_permits(3);
        readings.end(first).await[0].as_ref().unwrap_err();
        for one in readings.end(others).await {
            assert!(matches!(one, Err(StoreError::LogMissing(_))), "{one:?}");
        }
    }
}
