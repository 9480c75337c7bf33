//! Hosts over TLS: a real engine with `--tlsverify`, and everything that can be wrong with
//! the certificates of either side.

use std::path::PathBuf;
use std::time::Duration;

use slipway_domain::{Failure, HostName, Reason};
use slipway_test_support::certificates::{Authority, Signed, Valid};
use slipway_test_support::engine::{Kind, PrivateEngine, ServerTls};
use slipway_test_support::env;
use slipway_worker::engine::{BuilderChoice, Engine, EngineSettings, TlsFiles};
use tempfile::TempDir;

use crate::support::{context, listen, request, tar, unique};

/// An engine that an authority has signed for, and a client's files.
struct Site {
    authority: Authority,
    engine: PrivateEngine,
    files: TempDir,
}

impl Site {
    async fn with(name: &str, valid: Valid) -> Self {
        let authority = Authority::new().unwrap();
        let own = authority.for_server(name, valid).unwrap();
        let tls = Some(ServerTls { ca: authority.pem().to_owned(), own });
        let engine = PrivateEngine::start(Kind { tls, ..Kind::default() }).await.unwrap();
        let site = Self { authority, engine, files: tempfile::tempdir().unwrap() };
        site.give(site.authority.pem(), &site.authority.for_client(Valid::Always).unwrap());
        site
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    fn give(&self, ca: &str, client: &Signed) {
        for (name, pem) in [("ca.pem", ca), ("cert.pem", &client.cert), ("key.pem", &client.key)] {
            std::fs::write(self.file(name), pem).unwrap();
        }
    }

    fn client(&self, builder: BuilderChoice) -> Engine {
        let files = TlsFiles {
            ca: self.file("ca.pem"),
            cert: self.file("cert.pem"),
            key: self.file("key.pem"),
        };
        self.connect(Some(files), builder)
    }

    fn connect(&self, tls: Option<TlsFiles>, builder: BuilderChoice) -> Engine {
        Engine::connect(&EngineSettings {
            name: HostName::parse("build-1").unwrap(),
            url: format!("tcp://{}", self.engine.tls_address()),
            tls,
            plain_tcp: false,
            builder,
        })
        .unwrap()
    }

    async fn refusal(&self) -> Failure {
        self.client(BuilderChoice::Auto).probe().await.unwrap_err()
    }
}

/// The failure as it is shown, which has nothing in it of keys, paths and libraries.
fn shown(site: &Site, failure: &Failure) -> String {
    assert_eq!(failure.reason, Reason::HostUnreachable, "{failure:?}");
    assert!(failure.hint.as_deref().is_some_and(|hint| !hint.is_empty()), "{failure:?}");
    let text = format!("{failure:?}");
    let folder = site.files.path().to_str().unwrap();
    for word in [folder, "rustls", "x509", "Error", "alert"] {
        assert!(!text.contains(word), "{text}");
    }
    let words = failure.message.strip_prefix("docker host build-1 cannot be used: ");
    words.unwrap_or_else(|| panic!("{failure:?}")).to_owned()
}

#[tokio::test]
async fn a_build_and_a_push_on_both_builders() {
    let site = Site::with("127.0.0.1", Valid::Always).await;
    for choice in [BuilderChoice::Buildkit, BuilderChoice::Classic] {
        let engine = site.client(choice);
        engine.probe().await.unwrap();
        let (request, id) = (request(), unique());
        // Large enough to fill every buffer on the way.
        let big = id.repeat(100_000);
        let dockerfile = format!("FROM {}\nCOPY big /\nRUN echo {id}\n", env::base_image());
        let tar = tar(&[("Dockerfile", &dockerfile), ("big", &big)]);
        let told = listen(async |p| engine.build(&request, context(tar), p).await).await;
        told.result.unwrap();
        let image = format!("{}/engine-tests/{id}:1", env::registry()).parse().unwrap();
        engine.tag(&request.tag, &image).await.unwrap();
        let pushed = listen(async |p| engine.push(&image, None, p).await).await.result.unwrap();
        assert!(pushed.digest.starts_with("sha256:"));
        engine.untag(&request.tag).await.unwrap();
    }
}

#[tokio::test]
async fn an_engine_that_is_not_to_be_trusted() {
    for (name, valid, words) in [
        ("127.0.0.1", Valid::NoMore, "the certificate of its engine has expired"),
        ("127.0.0.1", Valid::NotYet, "the certificate of its engine is not valid yet"),
        ("build-2.example", Valid::Always, "the certificate of its engine is for another name"),
    ] {
        let site = Site::with(name, valid).await;
        assert_eq!(shown(&site, &site.refusal().await), words);
    }
}

#[tokio::test]
async fn a_client_that_is_not_trusted_or_does_not_trust() {
    let site = Site::with("127.0.0.1", Valid::Always).await;
    let stranger = Authority::new().unwrap();
    let good = site.authority.for_client(Valid::Always).unwrap();
    let strange = stranger.for_client(Valid::Always).unwrap();
    let refused = "its engine refused the client certificate tls_cert";

    site.give(stranger.pem(), &good);
    assert_eq!(
        shown(&site, &site.refusal().await),
        "the certificate of its engine is not signed by its tls_ca"
    );
    site.give(site.authority.pem(), &strange);
    let words = shown(&site, &site.refusal().await);
    assert!(words.starts_with(refused), "{words}");
    site.give(site.authority.pem(), &site.authority.for_client(Valid::NoMore).unwrap());
    let words = shown(&site, &site.refusal().await);
    assert!(words.starts_with(refused), "{words}");
    site.give(site.authority.pem(), &Signed { cert: good.cert.clone(), key: strange.key });
    assert_eq!(shown(&site, &site.refusal().await), "its tls_key is not the key of its tls_cert");
    site.give("rubbish", &good);
    assert_eq!(shown(&site, &site.refusal().await), "its tls_ca has no certificate in PEM in it");
    std::fs::remove_file(site.file("ca.pem")).unwrap();
    assert_eq!(
        shown(&site, &site.refusal().await),
        "its tls_ca cannot be read: no such file or directory"
    );
    // Without certificates, where they are wanted.
    let plain = site.connect(None, BuilderChoice::Auto).probe().await.unwrap_err();
    assert_eq!(shown(&site, &plain), "its engine wants tls at that port");
}

#[tokio::test]
async fn tls_where_nobody_speaks_it() {
    let site = Site::with("127.0.0.1", Valid::Always).await;
    let files = |site: &Site| TlsFiles {
        ca: site.file("ca.pem"),
        cert: site.file("cert.pem"),
        key: site.file("key.pem"),
    };
    let engine = Engine::connect(&EngineSettings {
        name: HostName::parse("build-1").unwrap(),
        url: format!("tcp://{}", env::registry()),
        tls: Some(files(&site)),
        plain_tcp: false,
        builder: BuilderChoice::Auto,
    });
    let failure = engine.unwrap().probe().await.unwrap_err();
    assert_eq!(shown(&site, &failure), "its engine does not speak tls at that port");
}

#[tokio::test]
async fn certificates_are_rotated_under_a_running_worker() {
    let site = Site::with("127.0.0.1", Valid::Always).await;
    let engine = site.client(BuilderChoice::Auto);
    engine.probe().await.unwrap();

    // Half a rotation: the certificate is there, its key is not. What was there goes on.
    let next = site.authority.for_client(Valid::Always).unwrap();
    // File systems tell times apart by a few milliseconds.
    tokio::time::sleep(Duration::from_millis(20)).await;
    std::fs::write(site.file("cert.pem"), &next.cert).unwrap();
    engine.probe().await.unwrap();
    std::fs::write(site.file("key.pem"), &next.key).unwrap();
    engine.probe().await.unwrap();

    // One that the engine does not take is really used, and so is the good one after it.
    tokio::time::sleep(Duration::from_millis(20)).await;
    site.give(site.authority.pem(), &Authority::new().unwrap().for_client(Valid::Always).unwrap());
    engine.probe().await.unwrap_err();
    tokio::time::sleep(Duration::from_millis(20)).await;
    site.give(site.authority.pem(), &next);
    engine.probe().await.unwrap();
}

#[test]
fn plain_tcp_to_another_machine_has_to_be_asked_for() {
    let connect = |url: &str, plain_tcp| {
        Engine::connect(&EngineSettings {
            name: HostName::parse("build-1").unwrap(),
            url: url.to_owned(),
            tls: None,
            plain_tcp,
            builder: BuilderChoice::Auto,
        })
    };
    for url in ["tcp://10.0.0.7:2375", "http://build-1", "tcp://0.0.0.0:2375"] {
        let failure = connect(url, false).unwrap_err();
        assert!(failure.message.contains("root on the host"), "{failure:?}");
        assert!(failure.hint.unwrap().contains("plain_tcp = true"));
        connect(url, true).unwrap();
    }
    connect("tcp://127.0.0.1:2375", false).unwrap();
    connect("unix:///var/run/docker.sock", false).unwrap();
}
