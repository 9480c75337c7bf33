//! Work that is given up stops on the host too.

use std::io;
use std::time::Duration;

use bollard::query_parameters::{ListContainersOptionsBuilder, PruneImagesOptionsBuilder};
use bytes::Bytes;
use futures::{StreamExt, stream};
use slipway_domain::{LogStream, Reason, Stage};
use slipway_test_support::env;
use slipway_worker::engine::Progress;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::fake_registry::FakeRegistry;
use crate::support::{BOTH, PATIENCE, SOON, context, engine, listen, request, tar, unique};

pub(crate) async fn containers_with(label: &str) -> usize {
    let docker = bollard::Docker::connect_with_host(&env::docker_host()).unwrap();
    let filters = [("label".to_owned(), vec![format!("slipway.test={label}")])].into();
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    docker.list_containers(Some(options)).await.unwrap().len()
}

/// An engine prunes for one at a time, and refuses the next.
static PRUNING: Mutex<()> = Mutex::const_new(());

/// Takes off what the classic builder keeps of a build that did not come to its end: images
/// without a name, which are its cache.
pub(crate) async fn forget_cache_with(label: &str) {
    let docker = bollard::Docker::connect_with_host(&env::docker_host()).unwrap();
    let filters = [
        ("label".to_owned(), vec![format!("slipway.test={label}")]),
        ("dangling".to_owned(), vec!["true".to_owned()]),
    ];
    let options = PruneImagesOptionsBuilder::new().filters(&filters.into()).build();
    let _one = PRUNING.lock().await;
    docker.prune_images(Some(options)).await.unwrap();
}

/// Whether a process of this machine has `word` on its command line. The engine runs here.
fn runs(word: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().any(|entry| {
        let path = entry.unwrap().path().join("cmdline");
        std::fs::read(path).is_ok_and(|line| {
            let first = line.split(|byte| *byte == 0).next().unwrap_or_default();
            first.ends_with(b"sleep") && String::from_utf8_lossy(&line).contains(word)
        })
    })
}

pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_dropped_build_stops_its_command() {
    for builder in BOTH {
        // A number that no other process sleeps for.
        let (label, seconds) = (unique(), 3_000_000_000 + Uuid::new_v4().as_u128() % 1_000_000_000);
        let dockerfile = format!(
            "FROM {}\nLABEL slipway.test={label}\nRUN sleep {seconds}\n",
            env::base_image()
        );
        let engine = engine(builder);
        let request = request();
        let (progress, mut news) = mpsc::channel(64);
        let build = {
            let (engine, request) = (engine.clone(), request.clone());
            let tar = tar(&[("Dockerfile", &dockerfile)]);
            tokio::spawn(async move { engine.build(&request, context(tar), progress).await })
        };
        let word = seconds.to_string();
        until("the command runs", async || runs(&word)).await;
        build.abort();
        until("the command ends", async || !runs(&word)).await;
        until("its container goes", async || containers_with(&label).await == 0).await;
        while news.recv().await.is_some() {}
        assert_eq!(engine.image_id(&request.tag).await.unwrap(), None);
        forget_cache_with(&label).await;
    }
}

#[tokio::test]
async fn a_build_dropped_under_its_context_lets_go_of_it() {
    for builder in BOTH {
        let (held, mut free) = mpsc::channel::<()>(1);
        // A context that never ends, and notices when nobody wants it any more.
        let start = tar(&[("Dockerfile", "FROM scratch\nLABEL a=b\n")]).slice(..1024);
        let endless =
            stream::iter([Ok::<_, io::Error>(start)]).chain(stream::unfold(held, async |held| {
                sleep(Duration::from_millis(20)).await;
                Some((Ok(Bytes::from_static(&[0; 512])), held))
            }));
        // An endless run of zeros is the end of a tar twice over; the engine reads on.
        let engine = engine(builder);
        let request = request();
        let (progress, _news) = mpsc::channel(64);
        let build = tokio::spawn(async move { engine.build(&request, endless, progress).await });
        sleep(Duration::from_millis(500)).await;
        build.abort();
        let freed = tokio::time::timeout(SOON, free.recv()).await;
        assert_eq!(freed, Ok(None), "{builder:?}");
    }
}

#[tokio::test]
async fn a_context_that_breaks_off_builds_nothing() {
    for builder in BOTH {
        let whole =
            tar(&[("Dockerfile", "FROM scratch\nLABEL a=b\n"), ("x", &"x".repeat(100_000))]);
        let half = whole.slice(..50_000);
        let broken = stream::iter([Ok(half), Err(io::Error::other("the guard said no"))]);
        let engine = engine(builder);
        let request = request();
        let began = Instant::now();
        let told = listen(async |p| engine.build(&request, broken, p).await).await;
        let failure = told.result.unwrap_err();
        assert!(began.elapsed() < SOON, "{builder:?}");
        assert_eq!(failure.reason, Reason::ContextTruncated, "{builder:?}");
        assert_eq!(failure.stage, Some(Stage::Preparing));
        assert_eq!(failure.message, "the build context broke off: the guard said no");
        sleep(Duration::from_millis(300)).await;
        assert_eq!(engine.image_id(&request.tag).await.unwrap(), None, "{builder:?}");
    }
}

#[tokio::test]
async fn a_whole_tar_that_breaks_off_after_its_end_builds_nothing() {
    for builder in BOTH {
        let whole = tar(&[("Dockerfile", "FROM scratch\nLABEL a=b\n")]);
        let late = stream::iter([Ok(whole)]).chain(stream::once(async {
            sleep(Duration::from_millis(300)).await;
            Err(io::Error::other("too late"))
        }));
        let engine = engine(builder);
        let request = request();
        let told = listen(async |p| engine.build(&request, late, p).await).await;
        assert_eq!(told.result.unwrap_err().reason, Reason::ContextTruncated, "{builder:?}");
        sleep(Duration::from_millis(300)).await;
        assert_eq!(engine.image_id(&request.tag).await.unwrap(), None, "{builder:?}");
    }
}

/// What a context that was begun early and turned out to be another is replaced by.
#[tokio::test]
async fn one_that_breaks_off_at_its_end_is_replaced_by_the_next_of_its_name() {
    for builder in BOTH {
        let id = unique();
        let dockerfile =
            |word: &str| format!("FROM {}\nCOPY . /\nRUN echo {word} {id}\n", env::base_image());
        let large = "x".repeat(3_000_000);
        let wrong = tar(&[("Dockerfile", &dockerfile("wrong")), ("wrong", &large)]);
        let right = tar(&[("Dockerfile", &dockerfile("right")), ("right", "")]);
        // All but the end mark, and time for whoever begins without it.
        let files = wrong.slice(..wrong.len() - 1024);
        let broken = stream::iter([Ok(files)]).chain(stream::once(async {
            sleep(Duration::from_secs(1)).await;
            Err(io::Error::other("it is another"))
        }));
        let (engine, request) = (engine(builder), request());
        let told = listen(async |p| engine.build(&request, broken, p).await).await;
        assert_eq!(told.result.as_ref().unwrap_err().reason, Reason::ContextTruncated);
        for part in ["FROM", "COPY", "RUN"] {
            assert_eq!(told.statuses(part), [], "{builder:?}");
        }
        assert_eq!(told.text(LogStream::Stdout), "", "{builder:?}");

        let told = listen(async |p| engine.build(&request, context(right), p).await).await;
        let said = told.text(LogStream::Stdout);
        told.result.unwrap();
        assert!(said.contains(&format!("right {id}")) && !said.contains("wrong"), "{said}");
        engine.untag(&request.tag).await.unwrap();
    }
}

#[tokio::test]
async fn a_dropped_push_stops_on_the_host() {
    // Engine 20.10 does not give up a question to a registry that it waits for an answer to,
    // only the bytes of a layer; a silent registry would keep it for longer.
    let registry = FakeRegistry::slow().await;
    let engine = engine(BOTH[0]);
    let request = request();
    let large = noise(16 << 20);
    let tar = tar(&[("Dockerfile", "FROM scratch\nCOPY large /\n"), ("large", &large)]);
    listen(async |p| engine.build(&request, context(tar), p).await).await.result.unwrap();
    let image = registry.image().parse().unwrap();
    engine.tag(&request.tag, &image).await.unwrap();

    let (progress, _news) = mpsc::channel(8);
    let push = {
        let (engine, image) = (engine.clone(), image.clone());
        tokio::spawn(async move { engine.push(&image, None, progress).await })
    };
    until("a layer is on its way", async || registry.received() > 100_000).await;
    push.abort();
    until("the host lets go", async || registry.uploads() == 0).await;
    assert!(registry.received() < large.len() / 2, "{} bytes came", registry.received());
    engine.untag(&image.to_string()).await.unwrap();
    engine.untag(&request.tag).await.unwrap();
}

/// Text that does not compress to less than two thirds.
fn noise(bytes: usize) -> String {
    let mut state = Uuid::new_v4().as_u64_pair().0 | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b' ' + state.to_be_bytes()[3] % 64)
    };
    (0..bytes).map(|_| next()).collect()
}

#[tokio::test]
async fn a_slow_reader_slows_the_engine_and_loses_nothing() {
    let count = 20_000;
    for builder in BOTH {
        let dockerfile = format!("FROM {}\nRUN seq 1 {count}; : {}\n", env::base_image(), unique());
        let engine = engine(builder);
        let request = request();
        let (progress, mut news) = mpsc::channel(1);
        let tar = tar(&[("Dockerfile", &dockerfile)]);
        let reading = async {
            let mut text = Vec::new();
            let mut pieces = 0;
            while let Some(item) = news.recv().await {
                pieces += 1;
                if pieces % 16 == 0 {
                    sleep(Duration::from_millis(5)).await;
                }
                if let Progress::Log { stream: LogStream::Stdout, bytes, .. } = item {
                    text.extend_from_slice(&bytes);
                }
            }
            text
        };
        let (built, text) = tokio::join!(engine.build(&request, context(tar), progress), reading);
        built.unwrap();
        engine.untag(&request.tag).await.unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(&format!("\n{count}\n")), "{builder:?}");
    }
}
