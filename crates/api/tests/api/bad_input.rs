//! Requests that are refused, each with a reason its sender can act on.

use reqwest::Method;
use serde_json::{Value, json};
use slipway_api::Limits;

use crate::server::{Server, a_build, answer};

#[tokio::test]
async fn bodies_that_are_no_request() {
    let server = Server::start().await;
    let mut table = Vec::new();
    for body in [
        "",
        "{\"image\": \"app\",",
        "{\n  \"image\": app\n}",
        "[]",
        "\u{0}\u{1}",
        r#"{"image": "app"}"#,
        r#"{"image": "app", "source": {"type": "dockerfile", "content": "F"}, "watchers": []}"#,
        r#"{"image": 7, "source": {"type": "dockerfile", "content": "F"}}"#,
        r#"{"image": "app", "source": {"type": "dockerfile", "content": ["F"]}}"#,
        r#"{"image": "app", "source": {"type": "svn", "url": "https://g.example/r"}}"#,
        r#"{"image": "app", "source": {"type": "upload", "id": "12"}}"#,
    ] {
        table.push(server.post("/api/v2/builds", body).await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 {"error":{"code":"empty_body","message":"the request has no body","hint":"send what this path asks for as the body of the request"}}
    400 {"error":{"code":"malformed_body","message":"the body is no JSON object: line 1, column 16: it ends before its end"}}
    400 {"error":{"code":"malformed_body","message":"the body is no JSON object: line 2, column 12: here should be a value: an object, a list, a text in double quotes, a number, true, false or null"}}
    400 {"error":{"code":"malformed_body","message":"the body is no JSON object: it is a list, where an object {…} is wanted"}}
    400 {"error":{"code":"malformed_body","message":"the body is no JSON object: line 1, column 1: here should be a value: an object, a list, a text in double quotes, a number, true, false or null"}}
    400 {"error":{"code":"invalid_field","message":"is missing","field":"source"}}
    400 {"error":{"code":"unknown_field","message":"there is no such field","field":"watchers","hint":"the fields are image, source, dockerfile, args, labels, target, platform, no_cache, pull, push, registry_auth, secrets, ssh, project, metadata, timeout_seconds, priority, queue_timeout_seconds, supersede_key, followers"}}
    400 {"error":{"code":"invalid_field","message":"must be a string, not an integer","field":"image"}}
    400 {"error":{"code":"invalid_field","message":"must be a string, not a list","field":"source.content"}}
    400 {"error":{"code":"invalid_field","message":"\"svn\" is not supported","field":"source.type","hint":"it can be dockerfile, upload, archive, git, github, image, template"}}
    400 {"error":{"code":"invalid_field","message":"must be a UUID","field":"source.id"}}
    "#);
    accepted_nothing(&server).await;
}

#[tokio::test]
async fn names_that_are_no_image() {
    let server = Server::start().await;
    let mut table = Vec::new();
    let long = "a".repeat(300);
    let digest = format!("r.example/app@sha256:{}", "0".repeat(64));
    for image in [
        "",
        "r.example/App",
        "r.example/../app",
        &long,
        "http://r.example/app",
        "app:my tag",
        &digest,
    ] {
        let refused = server.submit(json!({"image": image})).await;
        let error = refused.json()["error"].clone();
        table.push(format!("{} {}: {}", refused.status, error["field"], error["message"]));
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 "image": "is empty; write an image such as registry.example/team/app:1.2"
    400 "image": "has capitals in \"App\"; repositories are lower-case"
    400 "image": "has \"..\" in its path; a component is a-z and 0-9, with single dots, one or two underscores or hyphens between"
    400 "image": "is 300 characters long without its tag; at most 255 are allowed"
    400 "image": "begins with a scheme; an image is named without one, such as registry.example/app:1"
    400 "image": "has the tag \"my tag\"; a tag is 1 to 128 of a-z, A-Z, 0-9, underscore, dot and hyphen, and begins with none of the last two"
    400 "image": "has a digest, which only the registry can give"
    "#);
    accepted_nothing(&server).await;
}

#[tokio::test]
async fn values_that_do_not_fit() {
    let server = Server::start().await;
    let mut table = Vec::new();
    let many: Value = (0..501).map(|n| (format!("A{n}"), Value::from("x"))).collect();
    let login = json!({"username": "u", "password": "hunter2"});
    for changes in [
        json!({"source": {"type": "dockerfile", "content": " \n"}}),
        json!({"source": {"type": "dockerfile", "content": "x".repeat(1_100_000)}}),
        json!({"source": {"type": "upload", "id": "0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071"}}),
        json!({"dockerfile": "../Dockerfile"}),
        json!({"source": {"type": "dockerfile", "content": "F", "files": {"a/../../b": ""}}}),
        json!({"source": {"type": "git", "url": "https://h.example/a", "subdir": "/etc"}}),
        json!({"source": {"type": "git", "url": "https://h.example/a", "subdir": "../x"}}),
        json!({"source": {"type": "git", "url": "https://h.example/a", "ref": "--upload-pack=x"}}),
        json!({"source": {"type": "archive", "url": "https://h.example:99999/a"}}),
        json!({"source": {"type": "archive", "url": "https:/h.example/a b"}}),
        json!({"args": many}),
        json!({"args": {"A": 1}}),
        json!({"labels": {"": "x"}}),
        json!({"target": "a b"}),
        json!({"platform": "linux"}),
        json!({"project": "-"}),
        json!({"timeout_seconds": 0}),
        json!({"timeout_seconds": "60"}),
        json!({"metadata": "x".repeat(70_000)}),
        json!({"registry_auth": {"https://u:hunter2@r.example": login.clone()}}),
        json!({"registry_auth": {"docker.io": login.clone(), "index.docker.io": login}}),
        json!({"registry_auth": {"r.example": "hunter2"}}),
        json!({"registry_auth": {"r.example": {"username": "", "password": "hunter2"}}}),
        json!({"registry_auth": {"r.example": {"username": "u:hunter2", "password": ""}}}),
    ] {
        table.push(server.submit(changes).await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 {"error":{"code":"invalid_field","message":"is empty","field":"source.content","hint":"put the Dockerfile's text there"}}
    400 {"error":{"code":"invalid_field","message":"is larger than 1 MiB","field":"source.content","hint":"upload a build context instead"}}
    400 {"error":{"code":"no_such_upload","message":"there is no upload 0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071","field":"source.id","hint":"take the id from the answer of POST /api/v2/uploads; an upload belongs to the project that it was sent for, and is removed when nothing used it for a while"}}
    400 {"error":{"code":"invalid_field","message":"leaves the build context","field":"dockerfile"}}
    400 {"error":{"code":"invalid_field","message":"has \"a/../../b\", which leaves the build context","field":"source.files"}}
    400 {"error":{"code":"invalid_field","message":"is not a path within the source, such as services/api","field":"source.subdir"}}
    400 {"error":{"code":"invalid_field","message":"leaves the source","field":"source.subdir"}}
    400 {"error":{"code":"invalid_field","message":"is no name of a branch, tag or commit","field":"source.ref","hint":"write it as main, v1.2, refs/heads/main or the hexadecimal digits of a commit, 7 of them at least"}}
    400 {"error":{"code":"invalid_field","message":"has a port that there is not: a port is 1 to 65535","field":"source.url","hint":"write it as https://host/path"}}
    400 {"error":{"code":"invalid_field","message":"has a blank, a tab or a newline in it","field":"source.url","hint":"write a blank as %20"}}
    400 {"error":{"code":"invalid_field","message":"has more than 500 entries","field":"args"}}
    400 {"error":{"code":"invalid_field","message":"must be a string, not an integer","field":"args.A"}}
    400 {"error":{"code":"invalid_field","message":"has a name that is empty, longer than 256 characters, or holds =, NUL or a newline","field":"labels"}}
    400 {"error":{"code":"invalid_field","message":"is not the name or number of a build stage","field":"target"}}
    400 {"error":{"code":"invalid_field","message":"\"linux\" is not a platform","field":"platform","hint":"write os/architecture or os/architecture/variant, such as linux/amd64"}}
    400 {"error":{"code":"invalid_field","message":"is not a project name","field":"project","hint":"use 1 to 128 of a-z, A-Z, 0-9, dot, underscore, slash and hyphen, beginning with a letter or digit"}}
    400 {"error":{"code":"invalid_field","message":"must be a whole number of seconds from 1 to 86400","field":"timeout_seconds"}}
    400 {"error":{"code":"invalid_field","message":"must be a whole number of seconds from 1 to 86400, not a string","field":"timeout_seconds"}}
    400 {"error":{"code":"invalid_field","message":"is larger than 64 KiB","field":"metadata"}}
    400 {"error":{"code":"invalid_field","message":"has a name that is no registry","field":"registry_auth","hint":"name each registry as host or host:port, Docker Hub as docker.io"}}
    400 {"error":{"code":"invalid_field","message":"names one registry in two spellings","field":"registry_auth","hint":"name each registry as host or host:port, Docker Hub as docker.io"}}
    400 {"error":{"code":"invalid_field","message":"must be an object, not a string","field":"registry_auth.r.example"}}
    400 {"error":{"code":"invalid_field","message":"is empty; leave the registry out to use it without a login","field":"registry_auth.r.example.username"}}
    400 {"error":{"code":"invalid_field","message":"has a colon in it, which no username may have","field":"registry_auth.r.example.username","hint":"what follows the colon may be the password: that goes into password"}}
    "#);
    assert!(!table.join("\n").contains("hunter2"));
    accepted_nothing(&server).await;
}

#[tokio::test]
async fn bodies_that_are_too_large_or_packed() {
    let limits = Limits { body_bytes: 1000, ..Limits::default() };
    let server = Server::with_limits(limits).await;
    let large = a_build(json!({"metadata": "x".repeat(2000)})).to_string();
    let announced = server.post("/api/v2/builds", large.clone()).await;
    insta::assert_snapshot!(announced.line(), @r#"413 {"error":{"code":"too_large","message":"the body is larger than 1000 bytes","hint":"give a large build context by its address, or as an upload (POST /api/v2/uploads)"}}"#);

    // Chunked: the size is only known on the way.
    let chunked = reqwest::Body::wrap_stream(futures::stream::iter(
        large
            .into_bytes()
            .chunks(100)
            .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()))
            .collect::<Vec<_>>(),
    ));
    assert_eq!(server.post("/api/v2/builds", chunked).await.status, 413);

    let packed = server.request(Method::POST, "/api/v2/builds").header("Content-Encoding", "gzip");
    insta::assert_snapshot!(answer(packed.body("…")).await.line(), @r#"415 {"error":{"code":"unsupported_encoding","message":"bodies with Content-Encoding \"gzip\" are not read","field":"Content-Encoding","hint":"send the body as it is; a gzip archive needs no encoding header"}}"#);
    accepted_nothing(&server).await;
}

#[tokio::test]
async fn a_body_that_is_cut_off() {
    let server = Server::start().await;
    let head = "POST /api/v2/builds HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n";
    let answered = server.raw(format!("{head}{{\"image\": \"app\"").as_bytes()).await;
    assert!(answered.is_empty() || answered.starts_with("HTTP/1.1 400"), "{answered}");
    accepted_nothing(&server).await;
}

async fn accepted_nothing(server: &Server) {
    assert_eq!(server.get("/api/v2/builds").await.json()["builds"], json!([]));
}
