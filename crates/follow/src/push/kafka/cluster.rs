//! One producer for each cluster, shared by all who send there.
//!
//! Brokers that a request names pass the guard, and the producer is given their checked
//! addresses. The brokers that these advertise are asked for and pass it too, before the first
//! record and again each minute. The library dials them by itself after that: a cluster that
//! advertises one address when it is asked and another a moment later is dialled there, with
//! Kafka's words and nothing of anybody's. Where that is too much, close the network.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::producer::{FutureProducer, Producer as _};
use slipway_domain::KafkaTarget;
use slipway_outbound::{Guard, ResolveError};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::complaints::Complaints;
use super::producer::producer;
use super::settings::KafkaCluster;

/// Clusters that are spoken to at once. Each costs threads and connections.
const MAX_CLUSTERS: usize = 64;
/// A producer that nobody used for so long is closed.
const IDLE: Duration = Duration::from_secs(300);
/// How long what brokers advertise counts as checked.
const CHECKED: Duration = Duration::from_secs(60);
/// How long a cluster may take to say what its brokers are.
const METADATA: Duration = Duration::from_secs(10);

/// Why nothing can be sent to a cluster.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) why: String,
    /// Whether its address may not be reached.
    pub(super) is_refused: bool,
}

/// The producers of this process. Cheap to clone.
#[derive(Clone)]
pub(in super::super) struct Clusters(Arc<Inner>);

struct Inner {
    guard: Guard,
    known: Vec<KafkaCluster>,
    open: Mutex<HashMap<String, Arc<Cluster>>>,
}

/// One cluster.
pub(super) struct Cluster {
    pub(super) producer: FutureProducer<Complaints>,
    complaints: Complaints,
    is_known: bool,
    state: Mutex<State>,
    used: std::sync::Mutex<Instant>,
}

#[derive(Default)]
struct State {
    checked: Option<Instant>,
    /// What was wrong when somebody looked last, and when that was found.
    trouble: Option<(Instant, Trouble)>,
}

impl Clusters {
    pub(in super::super) fn new(guard: Guard, known: Vec<KafkaCluster>) -> Self {
        Self(Arc::new(Inner { guard, known, open: Mutex::default() }))
    }

    /// The cluster of a target, ready to be sent to.
    pub(super) async fn reach(&self, target: &KafkaTarget) -> Result<Arc<Cluster>, Trouble> {
        let cluster = self.open(target).await?;
        cluster.use_now();
        self.check(&cluster, &target.topic).await?;
        Ok(cluster)
    }

    async fn open(&self, target: &KafkaTarget) -> Result<Arc<Cluster>, Trouble> {
        let mut brokers = target.brokers.clone();
        brokers.sort();
        let name = brokers.join(",");
        let known = self.known(&target.brokers);
        // Addresses are asked for before anybody has to wait for us.
        let dialled = match known {
            Some(_) => target.brokers.clone(),
            None => self.checked(&target.brokers).await?,
        };
        let mut open = self.0.open.lock().await;
        open.retain(|_, cluster| {
            let is_wanted = Arc::strong_count(cluster) > 1 || !cluster.is_idle();
            if !is_wanted {
                let cluster = Arc::clone(cluster);
                // To close it may take the library half a second.
                tokio::task::spawn_blocking(move || drop(cluster));
            }
            is_wanted
        });
        if let Some(cluster) = open.get(&name) {
            return Ok(Arc::clone(cluster));
        }
        if open.len() >= MAX_CLUSTERS {
            let why = format!("more than {MAX_CLUSTERS} clusters are spoken to at the moment");
            return Err(Trouble { why, is_refused: false });
        }
        let complaints = Complaints::default();
        let producer = producer(&dialled, known, complaints.clone())
            .map_err(|error| Trouble { why: format!("kafka: {error}"), is_refused: false })?;
        let cluster = Arc::new(Cluster {
            producer,
            complaints,
            is_known: known.is_some(),
            state: Mutex::default(),
            used: std::sync::Mutex::new(Instant::now()),
        });
        open.insert(name, Arc::clone(&cluster));
        Ok(cluster)
    }

    fn known(&self, brokers: &[String]) -> Option<&KafkaCluster> {
        let of = |known: &&KafkaCluster| brokers.iter().all(|one| known.brokers.contains(one));
        self.0.known.iter().find(of)
    }

    /// The addresses of brokers that a request named. One of them is enough.
    async fn checked(&self, brokers: &[String]) -> Result<Vec<String>, Trouble> {
        let (mut good, mut last) = (Vec::new(), None);
        for broker in brokers {
            match resolve(&self.0.guard, broker).await {
                Ok(addresses) => good.extend(addresses),
                Err(ResolveError::Refused(refused)) => {
                    let why = format!("{broker} cannot be told: {refused}; {}", refused.hint());
                    return Err(Trouble { why, is_refused: true });
                }
                Err(error) => last = Some(error.to_string()),
            }
        }
        if good.is_empty() {
            let why = last.unwrap_or_else(|| "no broker is named".to_owned());
            return Err(Trouble { why, is_refused: false });
        }
        Ok(good)
    }

    /// Asks the cluster for the brokers that it advertises, and the guard for those, unless the
    /// operator has named it. One that does not answer is given no records that nobody takes.
    async fn check(&self, cluster: &Arc<Cluster>, topic: &str) -> Result<(), Trouble> {
        let began = Instant::now();
        let mut state = cluster.state.lock().await;
        if state.checked.is_some_and(|at| at.elapsed() < CHECKED) {
            return Ok(());
        }
        // Who waited for another to look has that one's answer: a cluster that is gone would
        // hold up its followers one after the other.
        if let Some((_, trouble)) = state.trouble.as_ref().filter(|(at, _)| *at >= began) {
            return Err(trouble.clone());
        }
        let found = self.look(cluster, topic).await;
        let now = Instant::now();
        match &found {
            Ok(()) => state.checked = Some(now),
            Err(trouble) => state.trouble = Some((now, trouble.clone())),
        }
        found
    }

    async fn look(&self, cluster: &Arc<Cluster>, topic: &str) -> Result<(), Trouble> {
        let (asked, topic) = (Arc::clone(cluster), topic.to_owned());
        let asking = tokio::task::spawn_blocking(move || {
            let metadata = asked.producer.client().fetch_metadata(Some(&topic), METADATA)?;
            let brokers = metadata.brokers().iter();
            Ok::<_, rdkafka::error::KafkaError>(
                brokers.map(|broker| format!("{}:{}", broker.host(), broker.port())).collect(),
            )
        });
        let brokers: Vec<String> = match asking.await {
            Ok(Ok(brokers)) => brokers,
            Ok(Err(error)) => {
                let why = cluster.with_complaint(&format!("no broker answers: {error}"));
                return Err(Trouble { why, is_refused: false });
            }
            Err(error) => return Err(Trouble { why: error.to_string(), is_refused: false }),
        };
        for broker in brokers.iter().filter(|_| !cluster.is_known) {
            // A name that cannot be resolved here cannot be dialled either.
            if let Err(ResolveError::Refused(refused)) = resolve(&self.0.guard, broker).await {
                let why = format!(
                    "the cluster advertises a broker at {broker}: {refused}; {}",
                    refused.hint()
                );
                return Err(Trouble { why, is_refused: true });
            }
        }
        Ok(())
    }
}

impl Cluster {
    fn use_now(&self) {
        *self.used.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Instant::now();
    }

    /// A problem, with what the library has to say about it.
    pub(super) fn with_complaint(&self, problem: &str) -> String {
        match self.complaints.last() {
            Some(complaint) => format!("{problem}: {complaint}"),
            None => problem.to_owned(),
        }
    }

    fn is_idle(&self) -> bool {
        let used = self.used.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        used.elapsed() > IDLE
    }
}

async fn resolve(guard: &Guard, broker: &str) -> Result<Vec<String>, ResolveError> {
    let no_host = || ResolveError::NoHost(broker.to_owned());
    let (host, port) = broker.rsplit_once(':').ok_or_else(no_host)?;
    let port = port.parse().map_err(|_| no_host())?;
    let addresses = guard.resolve(host, port).await?;
    Ok(addresses.into_iter().map(|address| address.to_string()).collect())
}
