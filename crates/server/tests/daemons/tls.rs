//! The API over TLS: with a certificate that is rotated, and with files that do not work.

use std::path::{Path, PathBuf};
use std::time::Duration;

use slipway_test_support::certificates::{Authority, Signed, Valid};
use slipway_test_support::daemon::{Daemon, Role};
use tokio::process::Command;

use crate::cluster::SLIPWAYD;

/// Where the pair is.
struct Files {
    folder: PathBuf,
    settings: String,
}

impl Files {
    fn in_folder(folder: &Path) -> Self {
        let path = |name: &str| folder.join(name).display().to_string();
        let settings = format!(
            "[http]\ntls_cert = \"{}\"\ntls_key = \"{}\"\n",
            path("cert.pem"),
            path("key.pem")
        );
        Self { folder: folder.to_owned(), settings }
    }

    fn write(&self, cert: &str, key: &str) {
        std::fs::write(self.folder.join("key.pem"), key).unwrap();
        std::fs::write(self.folder.join("cert.pem"), cert).unwrap();
    }
}

/// What curl says of `/health/live`: version of HTTP and status; nothing where it does not trust
/// the server or has no answer.
async fn asked(daemon: &Daemon, ca: &Path, more: &[&str]) -> Option<String> {
    let said = Command::new("curl")
        .args(["-sS", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", "--cacert"])
        .arg(ca)
        .args(more)
        .arg(format!("{}/health/live", daemon.url.replace("http://", "https://")))
        .output()
        .await
        .unwrap();
    said.status.success().then(|| String::from_utf8(said.stdout).unwrap())
}

async fn within_seconds(seconds: u64, mut holds: impl AsyncFnMut() -> bool) -> bool {
    for _ in 0..seconds * 10 {
        if holds().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

fn signed_by(authority: &Authority) -> Signed {
    authority.for_server("127.0.0.1", Valid::Always).unwrap()
}

#[tokio::test]
async fn a_certificate_is_rotated_while_the_server_runs() {
    let data = tempfile::tempdir().unwrap();
    let files = Files::in_folder(data.path());
    let authorities = [Authority::new().unwrap(), Authority::new().unwrap()];
    let [first, second] = ["first.pem", "second.pem"].map(|name| data.path().join(name));
    std::fs::write(&first, authorities[0].pem()).unwrap();
    std::fs::write(&second, authorities[1].pem()).unwrap();
    let pair = signed_by(&authorities[0]);
    files.write(&pair.cert, &pair.key);

    let mut daemon = Daemon::new(Role::Standalone, SLIPWAYD, data.path(), &files.settings);
    daemon.spawn().unwrap();
    let answers = within_seconds(60, async || asked(&daemon, &first, &[]).await.is_some()).await;
    assert!(answers, "{}", daemon.log());
    assert_eq!(asked(&daemon, &first, &["--http2"]).await.as_deref(), Some("2 200"));
    assert_eq!(asked(&daemon, &first, &["--http1.1"]).await.as_deref(), Some("1.1 200"));
    assert_eq!(asked(&daemon, &first, &["--tls-max", "1.1"]).await, None);
    assert_eq!(asked(&daemon, &second, &[]).await, None);
    // Plain HTTP is not spoken there, and hurts nobody.
    assert!(daemon.http.get(format!("{}/health/live", daemon.url)).send().await.is_err());

    // A bad pair: the one before stays, and one warning says so, however many ask.
    let next = signed_by(&authorities[1]);
    files.write(&next.cert, &pair.key);
    let warning = "the changed certificate cannot be used";
    let warned = within_seconds(60, async || {
        assert_eq!(asked(&daemon, &first, &[]).await.as_deref(), Some("2 200"));
        daemon.log().contains(warning)
    });
    assert!(warned.await, "{}", daemon.log());
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(asked(&daemon, &first, &[]).await.as_deref(), Some("2 200"));
    }
    assert_eq!(daemon.log().matches(warning).count(), 1, "{}", daemon.log());

    files.write(&next.cert, &next.key);
    let changed = within_seconds(60, async || asked(&daemon, &second, &[]).await.is_some()).await;
    assert!(changed, "{}", daemon.log());
    assert_eq!(asked(&daemon, &first, &[]).await, None);
    assert!(!daemon.log().contains("BEGIN PRIVATE KEY"));
    daemon.signal("TERM").await.unwrap();
    assert!(daemon.ended().await.unwrap(), "{}", daemon.log());
}

#[tokio::test]
async fn files_that_do_not_work_are_named_at_the_start() {
    let data = tempfile::tempdir().unwrap();
    let files = Files::in_folder(data.path());
    let authority = Authority::new().unwrap();
    let (one, other) = (signed_by(&authority), signed_by(&authority));
    for (cert, key, words) in [
        (None, Some(&one.key), "settings: http.tls_cert: "),
        (Some(&one.cert), None, "settings: http.tls_key: "),
        (Some(&one.key), Some(&one.key), "settings: http.tls_cert: "),
        (Some(&one.cert), Some(&other.key), "settings: http.tls_key: "),
    ] {
        files.write(cert.map_or("", String::as_str), key.map_or("", String::as_str));
        let settings = data.path().join("slipway.toml");
        std::fs::write(&settings, &files.settings).unwrap();
        let ended = Command::new(SLIPWAYD)
            .args(["standalone", "--config"])
            .arg(&settings)
            .arg("--data-dir")
            .arg(data.path().join("data"))
            .env_clear()
            .output()
            .await
            .unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(!ended.status.success() && said.contains(words), "{said}");
        assert!(!said.contains("BEGIN"), "{said}");
    }
}
