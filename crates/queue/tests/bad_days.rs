//! The broker's bad days: it is away, it hangs, it forgets, it says strange things. Whatever
//! it does, nothing here waits for ever, and all is well again once it is.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on says so by a panic")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use slipway_domain::BuildId;
use slipway_queue::{Bells, News, Queue, QueueError};
use slipway_test_support::broker::{Broker, Vhost};
use slipway_test_support::wire::{End, Wire};
use tokio::time::{sleep, timeout};
use tracing_subscriber::layer::SubscriberExt as _;

/// Long enough for whatever is going to happen to happen.
const A_WHILE: Duration = Duration::from_millis(500);

/// Longer than anything here takes, on a machine that has much else to do: the longest pause
/// between two connections is five seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A bell that nobody answers for so long is gone.
const BELL_LASTS: Duration = Duration::from_secs(60);

#[tokio::test]
async fn away_at_the_start() {
    let (vhost, wire) = wired().await;
    wire.cut();
    let queue = Queue::open(&vhost.url_at(&wire.address())).unwrap();
    let mut bells = queue.bells();
    sleep(A_WHILE).await;
    let problem = queue.problem().unwrap();
    assert!(problem.starts_with("the broker is away: "), "{problem}");
    assert!(ring(&queue).now_or_never().unwrap().is_err(), "it is known to be away");
    assert!(!hears(&mut bells, A_WHILE).await);
    wire.mend();
    until_well(&queue).await;
    ring(&queue).await.unwrap();
    assert!(hears(&mut bells, PATIENCE).await, "the place at the door was kept");
}

#[tokio::test]
async fn cut_off_while_somebody_waits() {
    let (vhost, wire) = wired().await;
    let queue = connected(&vhost.url_at(&wire.address())).await;
    let (mut bells, mut ear) = (queue.bells(), queue.listen());
    {
        let mut waiting = Box::pin(bells.next());
        assert!(timeout(A_WHILE, &mut waiting).await.is_err());
        wire.cut();
        until_ill(&queue).await;
        assert!(timeout(A_WHILE, &mut waiting).await.is_err());
        wire.mend();
        until_well(&queue).await;
        ring(&queue).await.unwrap();
        timeout(PATIENCE, waiting).await.unwrap().answered();
    }
    let heard = timeout(PATIENCE, ear.next()).await.unwrap();
    assert_eq!(heard, News::Missed, "what the others told meanwhile was not heard");
    sleep(A_WHILE).await;
    assert_eq!(vhost.waiting().await.unwrap().len(), 0, "and the bell is gone");
}

#[tokio::test]
async fn cut_off_with_a_bell_in_hand() {
    let (vhost, wire) = wired().await;
    let (queue, other) =
        (connected(&vhost.url_at(&wire.address())).await, connected(&vhost.url()).await);
    ring(&other).await.unwrap();
    let bell = timeout(PATIENCE, queue.bells().next()).await.unwrap();
    wire.cut();
    assert!(hears(&mut other.bells(), PATIENCE).await, "it rings for somebody else");
    bell.answered();
    wire.mend();
    until_well(&queue).await;
    assert!(!hears(&mut queue.bells(), A_WHILE).await, "once");
}

#[tokio::test]
async fn hanging_in_the_middle_of_a_ring() {
    let (vhost, wire) = wired().await;
    let queue = connected(&vhost.url_at(&wire.address())).await;
    wire.hold();
    let refused = timeout(PATIENCE, ring(&queue)).await.unwrap().unwrap_err();
    assert!(matches!(refused, QueueError::Unavailable(_)), "{refused}");
    assert!(refused.to_string().ends_with("were not confirmed within 5s"), "{refused}");
    until_ill(&queue).await;
    // The held connection is of no use to anybody: the next one is another.
    wire.cut();
    wire.mend();
    until_well(&queue).await;
    ring(&queue).await.unwrap();
    assert!(hears(&mut queue.bells(), PATIENCE).await);
}

#[tokio::test]
async fn hanging_while_somebody_waits() {
    let (vhost, wire) = wired().await;
    let url = format!("{}?heartbeat=1&connection_timeout=2000", vhost.url_at(&wire.address()));
    let queue = connected(&url).await;
    let mut bells = queue.bells();
    {
        let mut waiting = Box::pin(bells.next());
        assert!(timeout(A_WHILE, &mut waiting).await.is_err());
        wire.hold();
        let begun = Instant::now();
        until_ill(&queue).await;
        // By two heartbeats of its own. Those that are usual take twenty seconds.
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        // Each attempt hangs in its handshake, and none leaves anything behind.
        sleep(Duration::from_secs(12)).await;
        let begun = Instant::now();
        while library_threads() > 12 {
            // Those of the other tests come and go.
            assert!(begun.elapsed() < PATIENCE, "{} threads", library_threads());
            sleep(A_WHILE).await;
        }
        wire.mend();
        // With heartbeats as short as these, a machine that is slow may lose it once more.
        let rung = async {
            loop {
                until_well(&queue).await;
                if ring(&queue).await.is_ok() {
                    break;
                }
            }
        };
        timeout(PATIENCE, rung).await.unwrap();
        timeout(PATIENCE, waiting).await.unwrap().answered();
    }
}

#[tokio::test]
async fn its_queue_is_deleted_under_us() {
    let vhost = Vhost::new().await.unwrap();
    let queue = connected(&vhost.url()).await;
    vhost.delete_queue().await.unwrap();
    // Confirmed, but taken by nobody.
    ring(&queue).await.unwrap_err();
    until_well(&queue).await;
    ring(&queue).await.unwrap();
    assert!(hears(&mut queue.bells(), PATIENCE).await);
}

#[tokio::test]
async fn its_queue_is_deleted_under_one_who_waits() {
    let vhost = Vhost::new().await.unwrap();
    let (queue, other) = (connected(&vhost.url()).await, connected(&vhost.url()).await);
    let mut bells = queue.bells();
    let mut waiting = Box::pin(bells.next());
    assert!(timeout(A_WHILE, &mut waiting).await.is_err());
    vhost.delete_queue().await.unwrap();
    sleep(A_WHILE).await;
    until_well(&queue).await;
    let mut rung = ring(&other).await;
    if rung.is_err() {
        until_well(&other).await;
        rung = ring(&other).await;
    }
    rung.unwrap();
    timeout(PATIENCE, waiting).await.unwrap().answered();
}

#[tokio::test]
async fn messages_that_are_not_ours() {
    let (said, _guard) = listening();
    let vhost = Vhost::new().await.unwrap();
    let queue = connected(&vhost.url()).await;
    let unknown = BuildId::generate();
    for garbage in ["", "{", "null", "[]", "{\"v\":1}", "{\"v\":\"1\"}", "\u{0}\u{1}"] {
        vhost.put(garbage, 1).await.unwrap();
    }
    vhost.put(&format!("{{\"v\":2,\"build\":\"{unknown}\"}}"), 100).await.unwrap();
    vhost.put("{\"v\":1,\"build\":\"not-an-id\"}", 1).await.unwrap();
    vhost.put(&"x".repeat(100_000), 1).await.unwrap();
    let mut bells = queue.bells();
    assert!(!hears(&mut bells, A_WHILE).await, "none of them is a bell");
    // A build that nobody knows, a hundred times: a bell as good as any.
    vhost.put(&format!("{{\"v\":1,\"build\":\"{unknown}\",\"new\":[]}}"), 100).await.unwrap();
    for _ in 0..100 {
        assert!(hears(&mut bells, PATIENCE).await);
    }
    assert!(!hears(&mut bells, A_WHILE).await);
    assert_eq!(vhost.waiting().await.unwrap().len(), 0);
    assert_eq!(queue.problem(), None);
    let warnings = said.lock().unwrap().iter().filter(|line| line.contains("not ours")).count();
    assert_eq!(warnings, 1, "{:?}", said.lock().unwrap());
}

#[tokio::test]
async fn who_went_leaves_no_consumer_behind() {
    let vhost = Vhost::new().await.unwrap();
    let queue = connected(&vhost.url()).await;
    let mut bells = queue.bells();
    assert!(timeout(A_WHILE, bells.next()).await.is_err());
    sleep(A_WHILE).await;
    ring(&queue).await.unwrap();
    let begun = Instant::now();
    let waiting = loop {
        let waiting = vhost.waiting().await.unwrap();
        if waiting.len() == 1 {
            break waiting;
        }
        // Whoever went may be about to give it back.
        assert!(begun.elapsed() < PATIENCE, "nobody waits, so nobody holds it: {waiting:?}");
        sleep(Duration::from_millis(100)).await;
    };
    let properties = &waiting[0]["properties"];
    assert_eq!(properties["delivery_mode"], 2, "{properties}");
    assert_eq!(properties["expiration"], "60000", "{properties}");
    assert_eq!(waiting[0]["routing_key"], "slipway.bells.v1");
}

#[tokio::test]
async fn a_virtual_host_that_does_not_exist() {
    let (said, _guard) = listening();
    let vhost = Vhost::new().await.unwrap();
    let queue = Queue::open(&vhost.url().replace(&vhost.name, "nowhere")).unwrap();
    let problem = says(&queue, "virtual host \"nowhere\"").await;
    // Several attempts.
    sleep(Duration::from_secs(3)).await;
    assert!(problem.contains("rabbitmqctl add_vhost"), "{problem}");
    let said = said.lock().unwrap().clone();
    assert_eq!(said.len(), 1, "said once, not at each attempt: {said:?}");
    let said = said.join("\n");
    for text in [problem, said, format!("{queue:?}")] {
        assert!(!text.contains(&vhost.password()), "{text}");
    }
}

#[tokio::test]
async fn a_login_that_is_refused() {
    let (said, _guard) = listening();
    let vhost = Vhost::new().await.unwrap();
    let queue = Queue::open(&vhost.url().replace(&vhost.password(), "wr%2Fng-secret")).unwrap();
    let problem = says(&queue, "refuses the login of queue.url").await;
    let said = said.lock().unwrap().join("\n");
    for text in [problem, said, format!("{queue:?}"), ring(&queue).await.unwrap_err().to_string()] {
        assert!(!text.contains("wr/ng") && !text.contains("wr%2Fng"), "{text}");
    }
}

#[tokio::test]
async fn killed_and_started_again() {
    let broker = Broker::start().await.unwrap();
    let (said, _guard) = listening();
    let (queue, other) =
        (connected(&broker.url().unwrap()).await, connected(&broker.url().unwrap()).await);
    let mut ear = other.listen();
    let rung = Instant::now();
    ring(&queue).await.unwrap();
    broker.kill().await.unwrap();
    until_ill(&queue).await;
    until_ill(&other).await;
    ring(&queue).await.unwrap_err();
    broker.start_again().await.unwrap();
    until_well(&queue).await;
    until_well(&other).await;
    let was_away = rung.elapsed();
    let is_kept = hears(&mut other.bells(), BELL_LASTS).await;
    // There are machines that take as long as it lasts to start a broker.
    assert!(is_kept || was_away > BELL_LASTS * 9 / 10, "a bell that was confirmed is kept");

    broker.kill().await.unwrap();
    broker.forget().await.unwrap();
    until_ill(&queue).await;
    until_ill(&other).await;
    broker.start_again().await.unwrap();
    until_well(&queue).await;
    until_well(&other).await;
    assert!(!hears(&mut other.bells(), A_WHILE).await, "it has forgotten everything");
    ring(&queue).await.unwrap();
    assert!(hears(&mut other.bells(), PATIENCE).await, "and all is declared anew");

    while timeout(A_WHILE, ear.next()).await.is_ok() {}
    let build = BuildId::generate();
    queue.tell(News::CancelAsked(build));
    assert_eq!(timeout(PATIENCE, ear.next()).await.unwrap(), News::CancelAsked(build));
    let lines = said.lock().unwrap().len();
    assert!(lines <= 20, "{lines} lines about two absences, of two queues");
}

#[tokio::test]
async fn telling_never_waits() {
    let (vhost, wire) = wired().await;
    let queue = connected(&vhost.url_at(&wire.address())).await;
    let mut ear = queue.listen();
    wire.hold();
    let begun = Instant::now();
    for _ in 0..5000 {
        queue.tell(News::Happened(BuildId::generate()));
    }
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    assert!(timeout(PATIENCE, ear.next()).await.is_ok(), "heard here all the same");
}

#[tokio::test]
async fn settings_that_cannot_be_used() {
    for url in [
        "",
        "local",
        "local:x",
        "http://h/",
        "amqp:",
        "amqp://",
        "amqp:///v",
        "amqp://h:x/",
        "amqp://u:topsecret@h:99999/",
        "amqp://u:topsecret@h/?heartbeat=soon",
        "amqp://u:topsecret@/",
    ] {
        let Err(QueueError::Settings(problem)) = Queue::open(url) else { panic!("{url}") };
        assert!(problem.contains("queue.url"), "{problem}");
        assert!(!problem.contains("topsecret"), "{problem}");
    }
}

async fn wired() -> (Vhost, Wire) {
    let vhost = Vhost::new().await.unwrap();
    let wire = Wire::to(End::Tcp(vhost.address())).await.unwrap();
    (vhost, wire)
}

async fn connected(url: &str) -> Queue {
    let queue = Queue::open(url).unwrap();
    until_well(&queue).await;
    queue
}

async fn until_well(queue: &Queue) {
    until(queue, Option::is_none).await;
}

async fn until_ill(queue: &Queue) {
    until(queue, Option::is_some).await;
}

/// The problem of a queue, once it is this one.
async fn says(queue: &Queue, words: &str) -> String {
    let begun = Instant::now();
    loop {
        let problem = queue.problem().unwrap();
        if problem.contains(words) {
            return problem;
        }
        assert!(begun.elapsed() < PATIENCE, "{problem}");
        sleep(Duration::from_millis(10)).await;
    }
}

async fn until(queue: &Queue, so: fn(&Option<String>) -> bool) {
    let begun = Instant::now();
    while !so(&queue.problem()) {
        assert!(begun.elapsed() < PATIENCE, "{:?}", queue.problem());
        sleep(Duration::from_millis(10)).await;
    }
}

async fn ring(queue: &Queue) -> Result<(), QueueError> {
    queue.ring(&[BuildId::generate()]).await
}

async fn hears(bells: &mut Bells, within: Duration) -> bool {
    match timeout(within, bells.next()).await {
        Ok(bell) => {
            bell.answered();
            true
        }
        Err(_) => false,
    }
}

/// The threads that the client library has in this process, of all tests together.
fn library_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("lapin"))
        .count()
}

/// What is logged on this thread, which is where a test's tasks run.
fn listening() -> (Arc<Mutex<Vec<String>>>, tracing::subscriber::DefaultGuard) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let subscriber = tracing_subscriber::registry().with(Lines(Arc::clone(&said)));
    (said, tracing::subscriber::set_default(subscriber))
}

struct Lines(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target().starts_with("slipway") {
            let mut line = String::new();
            event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                line.push_str(&format!("{field}={value:?} "));
            });
            self.0.lock().unwrap().push(line);
        }
    }
}
