//! generator's contract: how its clients ask for a build.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::json;
use slipway_api::DialectSettings;
use slipway_domain::{BuildSpec, RegistryHost, Resources, Source};
use slipway_store::builds::Ending;

use crate::server::{Answer, Server, answer};
use crate::worker::Worker;

/// Whose base64 has a plus and a slash in it, and padding.
const DOCKERFILE: &str = "FROM scratch\n# >>>???\n";

/// What an answer of 200 promises: an id that is one build's.
fn id_of(accepted: &Answer) -> String {
    assert_eq!(accepted.status, 200, "{accepted:?}");
    assert_eq!(accepted.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(accepted.header("cache-control"), "no-store");
    let id = accepted.text.clone();
    assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id:?}");
    id
}

async fn got(server: &Server, query: &str) -> Answer {
    server.get(&format!("/b1/build?{query}")).await
}

/// The spec of the one build in line, which is taken out of it.
async fn spec(server: &Server) -> BuildSpec {
    let worker = Worker::start(server).await;
    let claimed = worker.claim().await;
    worker.finish(&claimed.lease, Ending::Cancelled).await;
    claimed.spec
}

#[tokio::test]
async fn a_dockerfile_in_any_spelling_of_base64() {
    let server = Server::start().await;
    let standard = STANDARD.encode(DOCKERFILE);
    assert!(standard.contains('+') && standard.contains('/') && standard.ends_with('='));
    let escaped = standard.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    for (path, text) in [
        ("/b1/build", escaped.clone()),
        ("/b1/build/", escaped.clone()),
        // Nobody escaped it: a plus in a query is a space.
        ("/b1/build", standard.clone()),
        ("/b1/build", STANDARD_NO_PAD.encode(DOCKERFILE)),
        ("/b1/build/", URL_SAFE.encode(DOCKERFILE)),
        ("/b1/build", URL_SAFE_NO_PAD.encode(DOCKERFILE)),
    ] {
        let query = format!("imagename=r.example/team/app:1&dockerfile={text}");
        let id = id_of(&server.get(&format!("{path}?{query}")).await);
        let spec = spec(&server).await;
        assert_eq!(spec.source, Source::dockerfile(DOCKERFILE), "{text}");
        assert_eq!(spec.image.to_string(), "r.example/team/app:1");
        assert!(spec.push && spec.resources.is_empty());
        // It is the id of the native API, without its hyphens.
        assert_eq!(server.get(&format!("/api/v2/builds/{id}")).await.status, 200);
    }
}

#[tokio::test]
async fn a_post_says_the_same_as_form_or_json() {
    let server = Server::start().await;
    let text = STANDARD.encode(DOCKERFILE);
    let form = format!(
        "imagename=r.example%2Fapp&dockerfile={}&nocache=1&unknown=x",
        text.replace('+', "%2B")
    );
    let json = json!({
        "imagename": "r.example/app", "dockerfile": text, "nocache": true, "unknown": [1],
        "memory": null,
    });
    let json_text = json.to_string().replace("[1]", "1");
    for (path, content_type, body) in [
        ("/b1/build", "application/x-www-form-urlencoded", form.clone()),
        ("/b1/build/", "application/json", json_text.clone()),
        // What it calls itself says nothing.
        ("/b1/build", "application/x-www-form-urlencoded", json_text),
        ("/b1/build", "text/plain", form),
    ] {
        let request = server.request(Method::POST, path).header("Content-Type", content_type);
        id_of(&answer(request.body(body)).await);
        let spec = spec(&server).await;
        assert_eq!(spec.source, Source::dockerfile(DOCKERFILE));
        assert!(spec.no_cache && !spec.pull);
    }
    // Of two in one place, the first; JSON has no first.
    let two = "imagename=r.example/one&imagename=r.example/two";
    id_of(&got(&server, &format!("{two}&dockerfile={}", URL_SAFE.encode(DOCKERFILE))).await);
    assert_eq!(spec(&server).await.image.to_string(), "r.example/one:latest");
    let two = r#"{"imagename": "r.example/one", "imagename": "r.example/two"}"#;
    assert_eq!(server.post("/b1/build", two).await.line(), "400 imagename: is there twice");
    // The body counts before the address.
    let path = "/b1/build?imagename=other.example/app&pull=true";
    let body = format!("imagename=r.example/app&dockerfile={}", URL_SAFE.encode(DOCKERFILE));
    id_of(&server.post(path, body).await);
    let spec = spec(&server).await;
    assert_eq!((spec.image.to_string().as_str(), spec.pull), ("r.example/app:latest", true));
}

#[tokio::test]
async fn the_later_form() {
    let server = Server::start().await;
    let text = URL_SAFE.encode(DOCKERFILE);
    let mut table = Vec::new();
    for query in [
        format!("mode=dockerfile&context={text}"),
        format!("mode=dockerfile&context={text}&dockerfile=docker/Dockerfile.ci"),
        "mode=archive&context=https://u:hunter2@h.example/a.tgz&dockerfile=ci/Dockerfile".into(),
        "remoteurl=https://h.example/a.tgz".into(),
        "mode=archive&remoteurl=https://h.example/app.git%23v1.2:sub&dockerfile=x".into(),
        "mode=dockerfile&remoteurl=github.com/octo/app&context=ignored".into(),
    ] {
        id_of(&got(&server, &format!("imagename=r.example/app&{query}")).await);
        let spec = spec(&server).await;
        let source = serde_json::to_string(&spec.source).unwrap();
        table.push(format!("{} {source}", spec.dockerfile.as_str()));
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    Dockerfile {"type":"dockerfile","content":"FROM scratch\n# >>>???\n"}
    docker/Dockerfile.ci {"type":"dockerfile","content":"FROM scratch\n# >>>???\n"}
    ci/Dockerfile {"type":"archive","url":"https://h.example/a.tgz"}
    Dockerfile {"type":"archive","url":"https://h.example/a.tgz"}
    x {"type":"git","url":"https://h.example/app.git","ref":"v1.2","subdir":"sub","submodules":true}
    Dockerfile {"type":"git","url":"https://github.com/octo/app","submodules":true}
    "#);
}

#[tokio::test]
async fn options_of_the_engine() {
    let server = Server::start().await;
    let text = URL_SAFE.encode(DOCKERFILE);
    let options = "nocache=true&pull=T&memory=268435456&cpushares=512&cpuperiod=100000&\
        cpuquota=50000&cpusetcpus=0-2,4&cpusetmems=0&cgroupparent=/builds&forceremove=1&\
        suppressoutput=1";
    let query = format!("imagename=r.example/app&dockerfile={text}&{options}");
    id_of(&got(&server, &query).await);
    let spec = spec(&server).await;
    let expected = Resources {
        memory_bytes: Some(268_435_456),
        cpu_shares: Some(512),
        cpu_period_us: Some(100_000),
        cpu_quota_us: Some(50_000),
        cpuset_cpus: Some("0-2,4".into()),
        cpuset_mems: Some("0".into()),
        cgroup_parent: Some("/builds".into()),
    };
    assert_eq!(spec.resources, expected);
    assert!(spec.no_cache && spec.pull);
}

#[tokio::test]
async fn what_is_refused_names_its_parameter() {
    let server = Server::start().await;
    let text = URL_SAFE.encode(DOCKERFILE);
    let good = format!("imagename=r.example/app&dockerfile={text}");
    let mut table = Vec::new();
    for query in [
        String::new(),
        format!("dockerfile={text}"),
        "imagename=r.example/app".into(),
        "imagename=&dockerfile=".into(),
        format!("imagename=r.example/App&dockerfile={text}"),
        format!("imagename=http://r.example/app&dockerfile={text}"),
        format!("imagename=r.example/app@sha256:{}&dockerfile={text}", "0".repeat(64)),
        "imagename=app&dockerfile=FROM!scratch".into(),
        "imagename=app&dockerfile=_w==".into(),
        "imagename=app&dockerfile=IAo=".into(),
        format!("{good}&mode=tarball"),
        "imagename=app&mode=dockerfile".into(),
        "imagename=app&mode=archive".into(),
        "imagename=app&mode=archive&context=/etc/passwd".into(),
        "imagename=app&mode=archive&context=file:///etc/passwd".into(),
        format!("imagename=app&mode=dockerfile&context={text}&dockerfile=../x"),
        format!("{good}&remoteurl=https://h.example/a.tgz"),
        "imagename=app&remoteurl=git@h.example:a.git".into(),
        "imagename=app&remoteurl=ftp://h.example/a.tgz".into(),
        "imagename=app&remoteurl=https://h.example/a.git%23-x".into(),
        "imagename=app&remoteurl=https://h.example/a.git%23:../x".into(),
        format!("{good}&nocache=perhaps"),
        format!("{good}&suppressoutput=2"),
        format!("{good}&memory=64m"),
        format!("{good}&memory=-1"),
        format!("{good}&memory=1024"),
        format!("{good}&cpushares=1"),
        format!("{good}&cpuperiod=1"),
        format!("{good}&cpuquota=99999999999"),
        format!("{good}&cpusetcpus=all"),
        format!("{good}&cpusetmems=1-"),
        format!("{good}&cgroupparent=../../x"),
    ] {
        let refused = got(&server, &query).await;
        assert_eq!(refused.header("content-type"), "text/plain; charset=utf-8", "{query}");
        table.push(refused.line());
    }
    for body in ["{", "{\"imagename\": [1]}", "\u{fffd}", ""] {
        table.push(server.post("/b1/build", body).await.line());
    }
    table.push(server.post("/b1/build", b"imagename=\xff".to_vec()).await.line());
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 imagename: is missing
    400 imagename: is missing
    400 dockerfile: is missing
    400 imagename: is missing
    400 imagename: has capitals in "App"; repositories are lower-case
    400 imagename: begins with a scheme; an image is named without one, such as registry.example/app:1
    400 imagename: has a digest, which only the registry can give; name a tag to push to, such as registry.example/app:1.2
    400 dockerfile: is not base64
    400 dockerfile: is no text in UTF-8 behind its base64
    400 dockerfile: is empty; put the Dockerfile's text there
    400 mode: must be dockerfile or archive
    400 context: is missing
    400 context: is missing
    400 context: is no address; write it as https://host/path
    400 context: is not of http or https; write it as https://host/path
    400 dockerfile: leaves the build context
    400 remoteurl: is given beside a dockerfile; give one of them; with mode=archive, dockerfile is a path in what remoteurl names
    400 remoteurl: is by ssh, which takes a key; use the https address, or /api/v2, which takes keys
    400 remoteurl: is not of http or https; write it as https://host/path
    400 remoteurl: is no name of a branch, tag or commit; write it as main, v1.2, refs/heads/main or the hexadecimal digits of a commit, 7 of them at least
    400 remoteurl: leaves the source
    400 nocache: must be true or false
    400 suppressoutput: must be true or false
    400 memory: must be a whole number that is not negative, and not too large
    400 memory: must be a whole number that is not negative, and not too large
    400 memory: must be at least 6291456 bytes (6 MiB)
    400 cpushares: must be 2 to 262144
    400 cpuperiod: must be 1000 to 1000000
    400 cpuquota: must be a whole number that is not negative, and not too large
    400 cpusetcpus: must be numbers and ranges, such as 0-2,4
    400 cpusetmems: must be numbers and ranges, such as 0-2,4
    400 cgroupparent: must be the path or the name of a cgroup, such as /builds or builds.slice
    400 the body is no JSON object: line 1, column 1: it ends before its end
    400 imagename: must be a text, a number, or true or false
    400 imagename: is missing
    400 imagename: is missing
    400 the body is no form or JSON object: it is no text in UTF-8
    "#);
    let builds = server.get("/api/v2/builds").await.json();
    assert_eq!(builds["builds"].as_array().unwrap().len(), 0, "{builds:#}");
}

#[tokio::test]
async fn a_head_builds_nothing_and_a_get_only_where_it_may() {
    let server = Server::start().await;
    let query = format!("imagename=r.example/app&dockerfile={}", URL_SAFE.encode(DOCKERFILE));
    let path = format!("/b1/build?{query}");
    let head = answer(server.request(Method::HEAD, &path)).await;
    assert_eq!((head.status, head.header("allow").as_str()), (405, "GET, POST"));

    let careful = Server::with_dialects(DialectSettings {
        generator_get: false,
        ..DialectSettings::default()
    });
    let careful = careful.await;
    let refused = careful.get(&path).await;
    assert_eq!((refused.status, refused.header("allow").as_str()), (405, "POST"), "{refused:?}");
    for server in [&server, &careful] {
        let builds = server.get("/api/v2/builds").await.json();
        assert_eq!(builds["builds"].as_array().unwrap().len(), 0, "{builds:#}");
    }
    id_of(&careful.post("/b1/build", query).await);
}

#[tokio::test]
async fn a_registry_for_images_that_name_none() {
    let registry = RegistryHost::parse("r.example:5000").unwrap();
    let dialects =
        DialectSettings { default_registry: Some(registry), ..DialectSettings::default() };
    let server = Server::with_dialects(dialects).await;
    for (name, expected) in [
        ("team/app", "r.example:5000/team/app:latest"),
        ("app:1.2", "r.example:5000/app:1.2"),
        ("other.example/app", "other.example/app:latest"),
        ("docker.io/app", "app:latest"),
    ] {
        let text = URL_SAFE.encode(DOCKERFILE);
        id_of(&got(&server, &format!("imagename={name}&dockerfile={text}")).await);
        assert_eq!(spec(&server).await.image.to_string(), expected);
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_in_text() {
    let server = Server::start().await;
    let mut table = Vec::new();
    let put = answer(server.request(Method::PUT, "/b1/build")).await;
    for refused in [server.get("/b1/nothing").await, server.get("/b1").await, put] {
        assert_eq!(refused.header("content-type"), "text/plain; charset=utf-8");
        table.push(refused.line());
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    404 there is nothing at this path; see /docs for the paths there are
    404 there is nothing at this path; see /docs for the paths there are
    405 this path does not know the method; this path takes GET, POST; see /docs
    "#);
}
