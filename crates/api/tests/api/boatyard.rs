//! boatyard's contract, with the requests that its clients send.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use slipway_api::Limits;
use slipway_domain::{Source, Stage, StepStatus};
use slipway_store::builds::Ending;

use crate::server::{Answer, Server, a_tar, answer};
use crate::worker::{Worker, a_failure, line, step};

/// As `curl -d '{…}'` sends it: JSON that calls itself a form.
async fn submit(server: &Server, body: impl ToString) -> Answer {
    let request = server
        .request(Method::POST, "/api/v1/build")
        .header("Content-Type", "application/x-www-form-urlencoded");
    answer(request.body(body.to_string())).await
}

async fn job(server: &Server, body: Value) -> String {
    let accepted = submit(server, body).await;
    assert_eq!(accepted.status, 200, "{accepted:?}");
    let id = accepted.json()["JobIdentifier"].as_str().unwrap().to_owned();
    assert_eq!(accepted.text, format!("{{\"JobIdentifier\":\"{id}\"}}"));
    assert_eq!(id.len(), 36);
    id
}

#[tokio::test]
async fn a_page_that_polls_sees_a_build_through() {
    let server = Server::start().await;
    let id = job(
        &server,
        json!({
            "image_name": "r.example/team/app", "username": "u", "password": "p",
            "email": "u@r.example", "dockerfile": "FROM scratch\n",
        }),
    )
    .await;
    let seen = async || {
        let status = server.get(&format!("/api/v1/{id}/status")).await.text;
        let logs = server.get(&format!("/api/v1/{id}/logs")).await.text;
        format!("{status} {logs}")
    };
    let mut table = vec![seen().await];
    let worker = Worker::start(&server).await;
    let claimed = worker.claim().await;
    let login = claimed.secrets.registry_auth.iter().next().unwrap();
    assert_eq!((login.0.as_str(), login.1.password.expose()), ("r.example", "p"));
    let lease = claimed.lease;
    table.push(seen().await);
    worker.advance(&lease, Stage::Building).await;
    table.push(seen().await);
    worker.say(&lease, &[step(StepStatus::Started), line("say \"hello\"\n")]).await;
    table.push(seen().await);
    worker.advance(&lease, Stage::Pushing).await;
    table.push(seen().await);
    worker.advance(&lease, Stage::Purging).await;
    worker.finish(&lease, Ending::Succeeded).await;
    table.push(seen().await);
    insta::assert_snapshot!(table.join("\n"), @r#"
    {"Status":"Building"} {"Logs":"Fetching logs..."}
    {"Status":"Building"} {"Logs":"Fetching logs..."}
    {"Status":"Building"} {"Logs":"Fetching logs..."}
    {"Status":"Building"} {"Logs":"==> queued\n==> preparing on local\n==> building on local\n#1 [1/1] RUN make\nsay \"hello\"\n"}
    {"Status":"Pushing"} {"Logs":"==> queued\n==> preparing on local\n==> building on local\n#1 [1/1] RUN make\nsay \"hello\"\n==> pushing on local\n"}
    {"Status":"Finished"} {"Logs":"==> queued\n==> preparing on local\n==> building on local\n#1 [1/1] RUN make\nsay \"hello\"\n==> pushing on local\n==> purging on local\n==> succeeded sha256:6f1a5bd2c1b4a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d\n"}
    "#);
}

#[tokio::test]
async fn builds_that_end_badly() {
    let server = Server::start().await;
    let worker = Worker::start(&server).await;
    let mut table = Vec::new();
    for ending in [Ending::Failed(a_failure()), Ending::TimedOut(a_failure()), Ending::Cancelled] {
        let id = job(&server, json!({"image_name": "app", "dockerfile": "FROM scratch"})).await;
        let lease = worker.claim().await.lease;
        worker.finish(&lease, ending).await;
        table.push(server.get(&format!("/api/v1/{id}/status")).await.line());
        table.push(server.get(&format!("/api/v1/{id}/logs")).await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    200 {"Status":"Failed: make: exit code 2"}
    200 {"Logs":"==> queued\n==> preparing on local\n==> failed: make: exit code 2\n    see the step's output\n"}
    200 {"Status":"Failed: timed out"}
    200 {"Logs":"==> queued\n==> preparing on local\n==> timed_out: make: exit code 2\n    see the step's output\n"}
    200 {"Status":"Failed: cancelled"}
    200 {"Logs":"==> queued\n==> preparing on local\n==> cancelled\n"}
    "#);
}

#[tokio::test]
async fn keys_in_any_case_and_unknown_ones() {
    let server = Server::start().await;
    job(
        &server,
        json!({
            "IMAGE_NAME": "app:1", "DockerFile": "FROM scratch", "UserName": "u", "PASSWORD": "p",
            "Tag": ["of", {"no": "meaning"}], "email": null, "tar_url": "", "github_tag": null,
        }),
    )
    .await;
    let claimed = Worker::start(&server).await.claim().await;
    assert_eq!(claimed.spec.image.to_string(), "app:1");
    let registries: Vec<_> =
        claimed.secrets.registry_auth.keys().map(ToString::to_string).collect();
    assert_eq!(registries, ["docker.io"]);
}

#[tokio::test]
async fn an_archive_in_base64() {
    let server = Server::start().await;
    let encoded = STANDARD.encode(a_tar());
    // As base64(1) prints it, and without its padding.
    let lines: Vec<_> = encoded.as_bytes().chunks(76).map(|l| String::from_utf8_lossy(l)).collect();
    for text in [encoded.clone(), lines.join("\n"), encoded.trim_end_matches('=').to_owned()] {
        job(&server, json!({"image_name": "app", "TarFile": text})).await;
        let worker = Worker::start(&server).await;
        let claimed = worker.claim().await;
        let Source::Upload { id } = claimed.spec.source else { panic!("{:?}", claimed.spec) };
        let (store, blobs) = (&server.api.store, &server.api.blobs);
        let mut blob = slipway_store::uploads::open(store, blobs, id).await.unwrap().unwrap();
        let mut sent = Vec::new();
        std::io::Read::read_to_end(&mut blob, &mut sent).unwrap();
        assert_eq!(sent, a_tar());
        worker.finish(&claimed.lease, Ending::Cancelled).await;
    }
}

#[tokio::test]
async fn the_first_source_wins() {
    let server = Server::start().await;
    let every = json!({
        "image_name": "app", "dockerfile": "FROM scratch", "TarFile": STANDARD.encode(a_tar()),
        "tar_url": "https://x.example/t.tar", "github_username": "u", "github_reponame": "r",
        "github_tag": "v1",
    });
    let without = |names: &[&str]| {
        let mut body = every.clone();
        names.iter().for_each(|name| drop(body.as_object_mut().unwrap().remove(*name)));
        body
    };
    let worker = Worker::start(&server).await;
    job(&server, every.clone()).await;
    let claimed = worker.claim().await;
    assert!(matches!(claimed.spec.source, Source::Dockerfile { .. }));
    worker.finish(&claimed.lease, Ending::Cancelled).await;
    job(&server, without(&["dockerfile"])).await;
    let claimed = worker.claim().await;
    assert!(matches!(claimed.spec.source, Source::Upload { .. }));
    worker.finish(&claimed.lease, Ending::Cancelled).await;
    job(&server, without(&["dockerfile", "TarFile"])).await;
    let claimed = worker.claim().await;
    assert!(matches!(claimed.spec.source, Source::Archive { .. }));
    worker.finish(&claimed.lease, Ending::Cancelled).await;
    job(&server, without(&["dockerfile", "TarFile", "tar_url"])).await;
    assert!(matches!(worker.claim().await.spec.source, Source::Github { .. }));

    let mut table = Vec::new();
    let others = ["dockerfile", "TarFile", "tar_url"];
    for absent in [
        &["github_reponame"][..],
        &["github_username", "github_tag"],
        &["github_username", "github_tag", "github_reponame"],
        &["image_name"],
    ] {
        table.push(submit(&server, without(&[&others, absent].concat())).await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 {"Error":"github_reponame: is missing; github_username, github_reponame and github_tag go together"}
    400 {"Error":"github_username: is missing; github_username, github_reponame and github_tag go together"}
    400 {"Error":"Insufficient Information.  Must provide at least an Image Name and a Dockerfile/Tarurl."}
    400 {"Error":"Insufficient Information.  Must provide at least an Image Name and a Dockerfile/Tarurl."}
    "#);
}

#[tokio::test]
async fn an_archive_by_its_address_in_either_spelling() {
    let server = Server::start().await;
    let worker = Worker::start(&server).await;
    for fields in [
        json!({"tar_url": "https://u:hunter2@h.example/a.tgz?sig=s3cret"}),
        json!({"tarUrl": "https://u:hunter2@h.example/a.tgz?sig=s3cret"}),
        json!({"TARURL": "https://u:hunter2@h.example/a.tgz?sig=s3cret", "tar_url": ""}),
        json!({"tarUrl": "http://x", "tar_url": "https://u:hunter2@h.example/a.tgz?sig=s3cret"}),
    ] {
        let mut body = json!({"image_name": "r.example/app", "username": "robot", "password": "p"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        job(&server, body).await;
        let claimed = worker.claim().await;
        let Source::Archive { url, .. } = &claimed.spec.source else { panic!("{fields}") };
        assert_eq!(url.as_str(), "https://h.example/a.tgz", "{fields}");
        // The login of the registry is another one than that of the archive.
        let login = claimed.secrets.source.login.unwrap();
        assert_eq!((login.username.as_str(), login.password.expose()), ("u", "hunter2"));
        let whole = claimed.secrets.source.url.unwrap();
        assert_eq!(whole.expose(), "https://h.example/a.tgz?sig=s3cret");
        let login = claimed.secrets.registry_auth.into_values().next().unwrap();
        assert_eq!(login.username, "robot");
        worker.finish(&claimed.lease, Ending::Cancelled).await;
    }
}

#[tokio::test]
async fn a_tag_on_github() {
    let server = Server::start().await;
    let body = json!({
        "image_name": "app", "GitHub_Username": "octo", "Github_RepoName": "app",
        "github_tag": "v1.2",
    });
    job(&server, body).await;
    let claimed = Worker::start(&server).await.claim().await;
    let Source::Github { owner, repo, reference, subdir: None } = claimed.spec.source else {
        panic!("{:?}", claimed.spec.source)
    };
    assert_eq!((owner.as_str(), repo.as_str()), ("octo", "app"));
    assert_eq!(reference.unwrap().as_str(), "v1.2");
    assert!(claimed.secrets.source.is_empty());
}

#[tokio::test]
async fn addresses_that_are_none_are_named_and_not_quoted() {
    let server = Server::start().await;
    let github = |name: &str, value: &str| {
        let mut body = json!({
            "image_name": "app", "github_username": "octo", "github_reponame": "app",
            "github_tag": "v1",
        });
        body[name] = value.into();
        body
    };
    let mut table = Vec::new();
    for body in [
        json!({"image_name": "app", "tar_url": "h.example/u:hunter2"}),
        json!({"image_name": "app", "tarUrl": "file:///etc/hunter2"}),
        json!({"image_name": "app", "tar_url": "ftp://u:hunter2@h.example/a.tgz"}),
        json!({"image_name": "app", "tar_url": "https://u%3Ahunter2:x@h.example/a.tgz"}),
        json!({"image_name": "app", "tar_url": {"url": "https://h.example"}}),
        json!({"image_name": "app", "tarUrl": 5}),
        github("github_username", "octo/app"),
        github("github_reponame", ".."),
        github("github_tag", "--upload-pack=x"),
        github("github_tag", ""),
    ] {
        table.push(submit(&server, body).await.line());
    }
    let table = table.join("\n");
    assert!(!table.contains("hunter2"), "{table}");
    insta::assert_snapshot!(table, @r#"
    400 {"Error":"tar_url: is no address; write it as https://host/path"}
    400 {"Error":"tar_url: is not of http or https; write it as https://host/path"}
    400 {"Error":"tar_url: is not of http or https; write it as https://host/path"}
    400 {"Error":"tar_url: has a colon in it, which no username may have"}
    400 {"Error":"tar_url: must be a string"}
    400 {"Error":"tarUrl: must be a string"}
    400 {"Error":"github_username: is no name of a user or an organisation on GitHub"}
    400 {"Error":"github_reponame: is no name of a repository on GitHub; write owner and repository apart: owner \"octo\", repo \"app\""}
    400 {"Error":"github_tag: is no name of a branch, tag or commit; write it as main, v1.2, refs/heads/main or the hexadecimal digits of a commit, 7 of them at least"}
    400 {"Error":"github_tag: is missing; github_username, github_reponame and github_tag go together"}
    "#);
}

#[tokio::test]
async fn what_is_refused() {
    let server = Server::start().await;
    let mut table = Vec::new();
    for body in [
        "",
        "{",
        "[]",
        "image_name=app&dockerfile=FROM+scratch",
        r#"{"image_name": "r.example/App", "dockerfile": "FROM scratch"}"#,
        r#"{"image_name": "http://r.example/app", "dockerfile": "FROM scratch"}"#,
        r#"{"image_name": ["app"], "dockerfile": "FROM scratch"}"#,
        r#"{"image_name": "app", "dockerfile": 5}"#,
        r#"{"image_name": "app", "dockerfile": "  "}"#,
        r#"{"image_name": "app", "TarFile": "!!!"}"#,
        r#"{"image_name": "app", "TarFile": "RlJPTSBzY3JhdGNoCg=="}"#,
        r#"{"image_name": "app", "TarFile": "UmFyIRoHAQA="}"#,
    ] {
        table.push(submit(&server, body).await.line());
    }
    for path in ["/api/v1/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071/status", "/api/v1/x/logs"] {
        table.push(server.get(path).await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 {"Error":"Insufficient Information.  Must provide at least an Image Name and a Dockerfile/Tarurl."}
    400 {"Error":"the body is no JSON object: line 1, column 1: it ends before its end"}
    400 {"Error":"the body is no JSON object: it is a list, where an object {…} is wanted"}
    400 {"Error":"the body is no JSON object: line 1, column 1: here should be a value: an object, a list, a text in double quotes, a number, true, false or null"}
    400 {"Error":"image_name: has capitals in \"App\"; repositories are lower-case"}
    400 {"Error":"image_name: begins with a scheme; an image is named without one, such as registry.example/app:1"}
    400 {"Error":"image_name: must be a string"}
    400 {"Error":"dockerfile: must be a string"}
    400 {"Error":"dockerfile: is empty; put the Dockerfile's text there"}
    400 {"Error":"TarFile: is not base64"}
    400 {"Error":"TarFile: this is no tar, plain or compressed, and no zip"}
    400 {"Error":"TarFile: this is rar, which is not supported; tar, plain or compressed, and zip are"}
    404 {"Error":"Jobid doesn't exist in the cache.  Bad request."}
    404 {"Error":"Jobid doesn't exist in the cache.  Bad request."}
    "#);
    assert!(server.blobs_left(0).await.is_empty());
}

#[tokio::test]
async fn our_own_fault_says_no_more_than_that() {
    let server = Server::start().await;
    let id = job(&server, json!({"image_name": "app", "dockerfile": "FROM scratch"})).await;
    let blobs = server.folder.path().join("blobs");
    std::fs::remove_dir(&blobs).unwrap();
    std::fs::write(&blobs, "").unwrap();
    let tar = STANDARD.encode(a_tar());
    let broken = submit(&server, json!({"image_name": "app", "TarFile": tar})).await;
    insta::assert_snapshot!(broken.line(), @r#"500 {"Error":"Internal Server Error"}"#);
    assert_eq!(server.get(&format!("/api/v1/{id}/status")).await.status, 200);
}

#[tokio::test]
async fn a_long_log_is_one_string() {
    let server = Server::start().await;
    let id = job(&server, json!({"image_name": "app", "dockerfile": "FROM scratch"})).await;
    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    worker.advance(&lease, Stage::Building).await;
    let mut expected = String::new();
    for n in 0..300 {
        let text = format!("{n} \u{1b}[31m\"ü\\{}\n", "y".repeat(10_000));
        worker.say(&lease, &[line(&text)]).await;
        expected.push_str(&text);
    }
    let logs = server.get(&format!("/api/v1/{id}/logs")).await.json();
    assert!(logs["Logs"].as_str().unwrap().ends_with(&expected));
    assert_eq!(logs.as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn a_body_that_is_too_large() {
    let limits = Limits { boatyard_body_bytes: 5000, upload_bytes: 2000, ..Limits::default() };
    let server = Server::with_limits(limits).await;
    let body = |text: &str| json!({"image_name": "app", "TarFile": text});
    let mut table = vec![submit(&server, body(&"A".repeat(6000))).await.line()];
    table.push(submit(&server, body(&STANDARD.encode(a_tar()))).await.line());
    insta::assert_snapshot!(table.join("\n"), @r#"
    413 {"Error":"the body is larger than 5000 bytes; give a large build context by its address, or as an upload (POST /api/v2/uploads)"}
    413 {"Error":"the upload is larger than 2000 bytes; leave out what the build does not need; the server's setting for uploads is limits.context_bytes"}
    "#);
    assert!(server.blobs_left(0).await.is_empty());
}
