//! Clusters that need TLS or a login, and clusters that lead astray: a door in front of a broker
//! of librdkafka's mock cluster.

use rdkafka::mocking::MockCluster;
use slipway_domain::{FollowerKind, Secret};
use slipway_follow::push::{KafkaCluster, KafkaSecurity, PushSettings};
use slipway_outbound::AddressPolicy;
use slipway_store::followers::{DeliveryOutcome, FollowerState};
use slipway_test_support::certificates::{Authority, Valid};
use slipway_test_support::kafka_door::{Door, Keeping, Mechanism, Seen};

use crate::kafka::{nobody, read};
use crate::scene::{Scene, follower, quick};

const NAME: &str = "robot";
const PASSWORD: &str = "hunter2, with = and ,";

fn port_of(cluster: &MockCluster<'_, impl rdkafka::client::ClientContext>) -> u16 {
    cluster.bootstrap_servers().rsplit_once(':').unwrap().1.parse().unwrap()
}

/// The file that an operator names as `ca_file`.
fn ca_file(authority: &Authority) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority.pem()).unwrap();
    file
}

/// What the settings say of a cluster whose broker is at the door.
fn known(door: &Door, security: KafkaSecurity, mechanism: Mechanism, ca: &str) -> KafkaCluster {
    let has_login = matches!(security, KafkaSecurity::SaslSsl | KafkaSecurity::SaslPlaintext);
    KafkaCluster {
        brokers: vec![format!("localhost:{}", door.port())],
        security,
        ca_file: Some(ca.to_owned()),
        sasl_mechanism: mechanism.as_str().to_owned(),
        login: has_login.then(|| (NAME.to_owned(), Secret::from(PASSWORD.to_owned()))),
    }
}

fn url(door: &Door, topic: &str) -> String {
    format!("kafka://localhost:{}/{topic}", door.port())
}

fn login(mechanism: Mechanism) -> Option<(Mechanism, String, String)> {
    Some((mechanism, NAME.to_owned(), PASSWORD.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_and_logins_of_the_settings() {
    use KafkaSecurity::{SaslPlaintext, SaslSsl, Ssl};
    let authority = Authority::new().unwrap();
    let signed = authority.for_names(&["localhost", "127.0.0.1"], Valid::Always).unwrap();
    let ca = ca_file(&authority);
    let cluster = MockCluster::new(1).unwrap();
    let (mut doors, mut clusters, mut followers) = (Vec::new(), Vec::new(), Vec::new());
    for (topic, security, mechanism) in [
        ("tls", Ssl, None),
        ("plain", SaslSsl, Some(Mechanism::Plain)),
        ("scram-256", SaslSsl, Some(Mechanism::ScramSha256)),
        ("scram-512", SaslSsl, Some(Mechanism::ScramSha512)),
        ("in-the-clear", SaslPlaintext, Some(Mechanism::ScramSha256)),
    ] {
        cluster.create_topic(topic, 1, 1).unwrap();
        let keeping = Keeping {
            tls: (security != SaslPlaintext).then(|| signed.clone()),
            login: mechanism.and_then(login),
            advertised_port: None,
        };
        let door = Door::before(port_of(&cluster), keeping).await.unwrap();
        let (mechanism, ca) = (mechanism.unwrap_or(Mechanism::Plain), ca.path().to_str().unwrap());
        clusters.push(known(&door, security, mechanism, ca));
        followers.push(follower(FollowerKind::Status, &url(&door, topic)));
        doors.push((topic, door, clusters.last().unwrap().clone()));
    }
    let mut scene = Scene::with(&followers).await;
    // Named by the operator: they may be wherever they are.
    let settings = PushSettings { kafka: clusters, ..quick() };
    scene.push_with(settings, AddressPolicy::public_only());
    scene.succeed().await;
    scene.until(|all| all.iter().all(|one| one.state == FollowerState::Done)).await;
    for (topic, door, known) in doors {
        let records = read(&cluster.bootstrap_servers(), topic, 6).await;
        assert!(records[5].contains("build.succeeded"), "{topic}: {records:?}");
        let seen = door.seen();
        if known.security != SaslPlaintext {
            // By its name while it is dialled by it; what it advertises is an address.
            assert!(seen.contains(&Seen::Tls(Some("localhost".into()))), "{topic}: {seen:?}");
        }
        if known.login.is_some() {
            let mechanism = match topic {
                "plain" => "PLAIN",
                "scram-512" => "SCRAM-SHA-512",
                _ => "SCRAM-SHA-256",
            };
            assert!(seen.contains(&Seen::LoggedIn(mechanism)), "{topic}: {seen:?}");
        }
        let is_well = |one: &Seen| matches!(one, Seen::Tls(_) | Seen::LoggedIn(_));
        assert!(seen.iter().all(is_well), "{topic}: {seen:?}");
    }
    let kept = format!("{:?}", scene.deliveries().await);
    assert!(!kept.contains("hunter2"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_who_it_should_be_gets_nothing_and_why_is_said() {
    use KafkaSecurity::{Plaintext, SaslSsl, Ssl};
    let (ours, other) = (Authority::new().unwrap(), Authority::new().unwrap());
    let ca = ca_file(&ours);
    let ca = ca.path().to_str().unwrap();
    let names = ["localhost", "127.0.0.1"];
    let good = ours.for_names(&names, Valid::Always).unwrap();
    let cluster = MockCluster::new(1).unwrap();
    let wrong = Some((Mechanism::Plain, NAME.to_owned(), "another".to_owned()));
    let scram = (Mechanism::ScramSha256, NAME.to_owned(), "another".to_owned());
    let all = [
        ("stranger", other.for_names(&names, Valid::Always).unwrap(), None, Ssl),
        ("misnamed", ours.for_names(&["kafka.example"], Valid::Always).unwrap(), None, Ssl),
        ("expired", ours.for_names(&names, Valid::NoMore).unwrap(), None, Ssl),
        ("password", good.clone(), wrong, SaslSsl),
        ("proof", good.clone(), Some(scram), SaslSsl),
        ("mechanism", good.clone(), login(Mechanism::ScramSha512), SaslSsl),
        ("in-the-clear", good.clone(), None, Plaintext),
        ("no-login", good, login(Mechanism::Plain), Ssl),
    ];
    let (mut doors, mut clusters, mut followers) = (Vec::new(), Vec::new(), Vec::new());
    for (topic, signed, login, security) in all {
        cluster.create_topic(topic, 1, 1).unwrap();
        let keeping = Keeping { tls: Some(signed), login, advertised_port: None };
        let door = Door::before(port_of(&cluster), keeping).await.unwrap();
        let mechanism = if topic == "proof" { Mechanism::ScramSha256 } else { Mechanism::Plain };
        clusters.push(known(&door, security, mechanism, ca));
        followers.push(follower(FollowerKind::Status, &url(&door, topic)));
        doors.push((topic, door));
    }
    let mut scene = Scene::with(&followers).await;
    let settings = PushSettings { kafka: clusters, ..quick() };
    scene.push_with(settings, AddressPolicy::public_only());
    let told = scene.until(|all| all.iter().all(|one| one.why.is_some())).await;
    for ((topic, door), told) in doors.iter().zip(&told) {
        let why = told.why.as_deref().unwrap();
        let (word, bad) = match *topic {
            "stranger" | "misnamed" | "expired" => ("certificate verify failed", Seen::NoTls),
            "password" => ("invalid credentials", Seen::Refused("PLAIN")),
            "proof" => ("invalid credentials", Seen::Refused("SCRAM-SHA-256")),
            "mechanism" => ("SCRAM-SHA-512", Seen::Tls(Some("localhost".into()))),
            "in-the-clear" => ("no broker answers", Seen::NoTls),
            _ => ("no broker answers", Seen::Strange),
        };
        assert!(why.contains(word) && why.starts_with("no broker answers"), "{topic}: {why}");
        assert!(!why.contains("hunter2"), "{why}");
        let seen = door.seen();
        assert!(seen.contains(&bad), "{topic}: {seen:?}");
        assert!(!seen.iter().any(|one| matches!(one, Seen::LoggedIn(_))), "{topic}: {seen:?}");
    }
    let tries = scene.deliveries().await;
    assert!(tries.iter().all(|one| one.attempted.outcome == DeliveryOutcome::Failed), "{tries:?}");
}

/// What it says of itself is true until the address that it advertises is dialled.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_advertises_where_nobody_is_fails_with_the_address() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 1, 1).unwrap();
    let (nobody, _held) = nobody();
    let keeping = Keeping { advertised_port: Some(nobody.port()), ..Keeping::default() };
    let door = Door::before(port_of(&cluster), keeping).await.unwrap();
    let url = format!("kafka://127.0.0.1:{}/t", door.port());
    let mut scene = Scene::with(&[follower(FollowerKind::Status, &url)]).await;
    scene.push();
    // On a machine that is slow it may first say nothing of itself in time.
    let is_it = |why: &str| why.starts_with("no broker took it within 30 s: ");
    let told = scene.until(|all| all[0].why.as_deref().is_some_and(is_it)).await;
    let why = told[0].why.as_deref().unwrap();
    assert!(why.contains(&nobody.to_string()) && why.contains("refused"), "{why}");
}
