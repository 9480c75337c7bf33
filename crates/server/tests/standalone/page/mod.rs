//! A page in a browser, as boatyard had one: with jQuery, from another origin, polling each
//! second. Chromium without a window is the browser.

use std::process::Stdio;
use std::time::Duration;

use reqwest::Url;
use serde_json::Value;
use slipway_test_support::env;
use slipway_test_support::web::{Answer, Web};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::stack::{Stack, digest_in_registry, fresh, one_host, unique};

const PAGE: &str = include_str!("boatyard.html");
/// Where Debian and Ubuntu have it; `dev/install.sh browser`.
const JQUERY: &str = "/usr/share/javascript/jquery/jquery.min.js";
const BROWSERS: [&str; 4] =
    ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];

/// Where the page is.
async fn site() -> Web {
    let jquery = std::fs::read(JQUERY).expect("jQuery: dev/install.sh browser");
    Web::start(move |head| match head.split([' ', '?']).nth(1).unwrap_or_default() {
        "/" => Answer::with(200, "content-type: text/html\r\n", PAGE),
        "/jquery.js" => Answer::with(200, "content-type: text/javascript\r\n", &jquery),
        "/seen" => Answer::new(200, ""),
        _ => Answer::new(404, ""),
    })
    .await
    .unwrap()
}

/// A browser at an address, until it is dropped.
struct Browser {
    _running: Child,
    _profile: TempDir,
}

impl Browser {
    fn at(url: &Url) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let program = BROWSERS
            .into_iter()
            .find(|name| {
                let path = std::env::var_os("PATH").unwrap_or_default();
                std::env::split_paths(&path).any(|folder| folder.join(name).exists())
            })
            .expect("a browser: dev/install.sh browser");
        let running = Command::new(program)
            // A container's root has no sandbox; and nothing is looked for but this page.
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
            // Of which a container has little.
            .arg("--disable-dev-shm-usage")
            .args(["--disable-background-networking", "--disable-component-update"])
            .args([
                "--no-proxy-server",
                "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url.as_str())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { _running: running, _profile: profile }
    }
}

/// Opens the page, lets it build an image, and gives what its reader sees in the end.
async fn seen(stack: &Stack, image: &str) -> (String, String) {
    let site = site().await;
    let address = [
        ("api", stack.daemon.url.as_str()),
        ("image", image),
        ("dockerfile", &fresh("echo 'said <b>\"aloud\"</b>'")),
    ];
    let _browser = Browser::at(&Url::parse_with_params(&site.url(), address).unwrap());
    for _ in 0..1800 {
        let asked = site.asked();
        if let Some(told) = asked.iter().find(|asked| asked.starts_with("POST /seen ")) {
            let told: Value = serde_json::from_str(told.split_once("\r\n\r\n").unwrap().1).unwrap();
            let text = |name: &str| told[name].as_str().unwrap().to_owned();
            return (text("status"), text("logs"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the page shows no end: {:#?} {}", site.asked(), stack.daemon.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_polls_a_build_to_its_end() {
    let stack = Stack::plain().await;
    let image = format!("{}/pages/{}:1", env::registry(), unique());
    let (status, logs) = seen(&stack, &image).await;
    assert_eq!(status, "Finished", "{logs}");
    assert!(logs.contains("said <b>\"aloud\"</b>\n"), "{logs}");
    let digest = digest_in_registry(&env::registry(), &image).await.expect("an image");
    assert!(logs.contains(&format!("==> succeeded {digest}")), "{logs}");
    stack.leaves_nothing(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_the_operator_does_not_name_reads_no_answer() {
    let named = "[http]\ncors_origins = [\"https://ci.example\"]\n".to_owned();
    let stack = Stack::with(&(named + &one_host(&env::docker_host()))).await;
    let image = format!("{}/pages/{}:1", env::registry(), unique());
    assert_eq!(seen(&stack, &image).await, ("no answer".to_owned(), String::new()));
    stack.leaves_nothing(&[]).await;
}
