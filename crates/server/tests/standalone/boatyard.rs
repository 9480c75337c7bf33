//! Jobs of boatyard's clients, from the request as curl, a form and a page send it to the image.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use slipway_test_support::env;
use slipway_test_support::web::{Answer, Web};
use tempfile::TempDir;
use tokio::process::Command;

use crate::buildshuttle::pulled_and_run;
use crate::sources::release;
use crate::stack::{Stack, digest_in_registry, fresh, one_host, unique};

const COMMIT: &str = "4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d";

/// Files on a web server, an archive of GitHub's pages that is elsewhere, and GitHub's API.
async fn web() -> Web {
    Web::start(|head| match head.split(' ').nth(1).unwrap_or_default() {
        "/app.tgz" | "/codeload/app" => Answer::new(200, release()),
        "/octo/app/archive/v1.2.tar.gz" => Answer::redirect("/codeload/app"),
        "/repos/octo/app/commits/v1.2" => Answer::new(200, COMMIT),
        path if path == format!("/repos/octo/app/tarball/{COMMIT}") => {
            Answer::redirect("/codeload/app")
        }
        _ => Answer::new(404, r#"{"message":"Not Found"}"#),
    })
    .await
    .unwrap()
}

/// Submits with these arguments of curl and gives the job.
async fn submit(stack: &Stack, arguments: &[&str]) -> String {
    let answered = Command::new("curl")
        .args(["-sS", "-w", "\n%{http_code}"])
        .args(arguments)
        .arg(format!("{}/api/v1/build", stack.daemon.url))
        .output()
        .await
        .unwrap();
    let answered = String::from_utf8(answered.stdout).unwrap();
    let (body, status) = answered.rsplit_once('\n').unwrap();
    assert_eq!(status, "200", "{answered}");
    let body: Value = serde_json::from_str(body).unwrap();
    body["JobIdentifier"].as_str().unwrap().to_owned()
}

/// Polls as the page does until the job is over: its last status and all of its log.
async fn polled(stack: &Stack, job: &str) -> (String, String) {
    let text = |value: Value| value.as_str().unwrap().to_owned();
    for _ in 0..1800 {
        let status = text(stack.get(&format!("/api/v1/{job}/status")).await["Status"].take());
        if status != "Building" && status != "Pushing" {
            let logs = text(stack.get(&format!("/api/v1/{job}/logs")).await["Logs"].take());
            return (status, logs);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("job {job} does not end: {}", stack.daemon.log());
}

fn file(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_source_in_every_way_to_send_it() {
    let web = web().await;
    let sources = format!("[sources]\ngithub_api = \"{}\"\n", web.url());
    let stack = Stack::with(&(sources + &one_host(&env::docker_host()))).await;
    let folder = tempfile::tempdir().unwrap();
    let tar = file(&folder, "app.tgz", release());
    // What a page sends: jQuery calls any text a form.
    let page = [
        "-H",
        "Content-Type: application/x-www-form-urlencoded; charset=UTF-8",
        "-H",
        "X-Requested-With: XMLHttpRequest",
    ];
    let with = |image: &str, fields: Value| {
        let mut all = json!({"image_name": image, "username": "", "password": "", "email": ""});
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        all.to_string()
    };
    let by_name = format!("TarFile=@{tar}");
    let by_place = format!("upload=@{tar}");
    let mut jobs = Vec::new();
    for (fields, arguments) in [
        (json!({"dockerfile": fresh("true") + "CMD [\"echo\", \"it runs\"]\n"}), vec!["-d"]),
        (json!({"TarFile": STANDARD.encode(release())}), [&page[..], &["-d"]].concat()),
        (json!({"tar_url": format!("{}/app.tgz", web.url())}), vec!["-d"]),
        (json!({"tarUrl": format!("{}/octo/app/archive/v1.2.tar.gz", web.url())}), vec!["-d"]),
        (
            json!({"github_username": "octo", "github_reponame": "app", "github_tag": "v1.2"}),
            vec!["-d"],
        ),
        // The fields as a plain one, and as a file under a name of its own.
        (json!({}), vec!["-F", &by_name, "-F", "Json=<"]),
        (json!({}), vec!["-F", &by_place, "-F", "fields=@"]),
    ] {
        let image = format!("{}/boatyard/{}:1", env::registry(), unique());
        let body = file(&folder, "body.json", with(&image, fields));
        let (last, before) = arguments.split_last().unwrap();
        let arguments: Vec<String> = match *last {
            "-d" => vec!["-d".to_owned(), format!("@{body}")],
            part => vec![format!("{part}{body}")],
        };
        let arguments = before.iter().copied().chain(arguments.iter().map(String::as_str));
        let job = submit(&stack, &arguments.collect::<Vec<_>>()).await;
        jobs.push((job, image));
    }
    for (job, image) in &jobs {
        let (status, logs) = polled(&stack, job).await;
        assert_eq!(status, "Finished", "{logs}");
        // What the registry said of the push is there as well.
        let (_, push) = logs.split_once("==> pushing on a").unwrap_or_else(|| panic!("{logs}"));
        assert!(push.contains("1: digest: sha256:"), "{logs}");
        // The old service said so before anything was pushed.
        let known = stack.daemon.build(job).await.unwrap()["digest"].clone();
        let there = digest_in_registry(&env::registry(), image).await;
        assert_eq!(known.as_str(), there.as_deref(), "{logs}");
        assert!(there.is_some(), "{logs}");
    }
    assert_eq!(pulled_and_run(&jobs[0].1, None).await, "it runs\n");
    stack.leaves_nothing(&jobs.iter().map(|(job, _)| job.as_str()).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_wants_a_login() {
    let stack = Stack::plain().await;
    let registry = env::registry_with_login();
    let job = async |password: &str| {
        let body = json!({
            "image_name": format!("{}/boatyard/{}", registry.host, unique()),
            "username": registry.user, "password": password, "email": "u@r.example",
            "dockerfile": fresh("true") + "CMD [\"echo\", \"it runs\"]\n",
        });
        submit(&stack, &["-d", &body.to_string()]).await
    };
    let good = job(&registry.password).await;
    let (status, logs) = polled(&stack, &good).await;
    assert_eq!(status, "Finished", "{logs}");
    assert!(!logs.contains(&registry.password), "{logs}");
    let known = stack.daemon.build(&good).await.unwrap();
    let login = Some((registry.user.as_str(), registry.password.as_str()));
    assert_eq!(pulled_and_run(known["image"].as_str().unwrap(), login).await, "it runs\n");
    let digest = &known["digest"];
    assert!(digest.as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{digest}");

    let bad = job("not-the-password").await;
    let (status, logs) = polled(&stack, &bad).await;
    assert!(status.starts_with("Failed: "), "{status}");
    // Why it failed is in the log, and the image is purged all the same.
    assert!(logs.contains(status.trim_start_matches("Failed: ")), "{status}: {logs}");
    assert!(!format!("{status}{logs}").contains("not-the-password"), "{status}: {logs}");
    stack.leaves_nothing(&[&good, &bad]).await;
}
