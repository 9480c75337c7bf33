//! Paths and methods, known and unknown, and the document that lists them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Server, answer};

#[tokio::test]
async fn an_unknown_path_and_a_wrong_method() {
    let server = Server::start().await;
    let mut table = Vec::new();
    for (method, path) in [
        (Method::GET, "/nothing"),
        (Method::GET, "/api/v2"),
        (Method::GET, "/api/v2/builds/"),
        (Method::POST, "/api/v2/nothing"),
        (Method::DELETE, "/api/v2/builds"),
        (Method::GET, "/api/v2/uploads"),
        (Method::PUT, "/health"),
        (Method::OPTIONS, "/"),
        (Method::DELETE, "/api/v1"),
        (Method::GET, "/api/v1/nothing"),
        (Method::DELETE, "/api/v1/build"),
        (Method::POST, "/api/v1/x/status"),
        (Method::GET, "/docs/nothing"),
    ] {
        let answer = answer(server.request(method.clone(), path)).await;
        let allow = answer.header("allow");
        table.push(format!("{method} {path}: {allow} {}", answer.line()));
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    GET /nothing:  404 {"error":{"code":"no_such_path","message":"there is nothing at this path","hint":"see /docs for the paths there are"}}
    GET /api/v2:  404 {"error":{"code":"no_such_path","message":"there is nothing at this path","hint":"see /docs for the paths there are"}}
    GET /api/v2/builds/:  404 {"error":{"code":"no_such_path","message":"there is nothing at this path","hint":"see /docs for the paths there are"}}
    POST /api/v2/nothing:  404 {"error":{"code":"no_such_path","message":"there is nothing at this path","hint":"see /docs for the paths there are"}}
    DELETE /api/v2/builds: GET, HEAD, POST 405 {"error":{"code":"wrong_method","message":"this path does not know the method","hint":"this path takes GET, HEAD, POST; see /docs"}}
    GET /api/v2/uploads: POST 405 {"error":{"code":"wrong_method","message":"this path does not know the method","hint":"this path takes POST; see /docs"}}
    PUT /health: GET, HEAD 405 {"error":{"code":"wrong_method","message":"this path does not know the method","hint":"this path takes GET, HEAD; see /docs"}}
    OPTIONS /: GET, HEAD, POST 405 {"error":{"code":"wrong_method","message":"this path does not know the method","hint":"this path takes GET, HEAD, POST; see /docs"}}
    DELETE /api/v1: GET, HEAD 405 {"error":"this path does not know the method","code":405,"details":"this path takes GET, HEAD; see /docs"}
    GET /api/v1/nothing:  404 {"Error":"Resource not found"}
    DELETE /api/v1/build: POST 405 {"Error":"Method not allowed"}
    POST /api/v1/x/status: GET, HEAD 405 {"Error":"Method not allowed"}
    GET /docs/nothing:  404 {"error":{"code":"no_such_path","message":"there is nothing at this path","hint":"see /docs for the paths there are"}}
    "#);
}

#[tokio::test]
async fn what_can_be_read_can_be_asked_for_its_head() {
    let server = Server::start().await;
    for path in ["/", "/health", "/health/live", "/openapi.json", "/docs/", "/api/v2/builds"] {
        let head = answer(server.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
    }
}

#[tokio::test]
async fn the_head_of_a_stream_says_no_length() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let id = build.rsplit('/').next().unwrap();
    let paths = [
        format!("{build}/logs"),
        format!("{build}/events"),
        format!("/api/v2/events?builds={id}"),
        "/api/v2/events?project=default".to_owned(),
        format!("/api/v1/build/{id}/status"),
    ];
    for path in paths {
        // The second one finds what would be left of a body of the first.
        let twice = format!(
            "HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n\
             HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        );
        let said = server.raw(twice.as_bytes()).await.to_lowercase();
        let answers: Vec<_> = said.split("\r\n\r\n").collect();
        let [first, second, ""] = *answers else { panic!("{path}: {said}") };
        for head in [first, second] {
            assert!(head.starts_with("http/1.1 200 "), "{path}: {said}");
            assert!(!head.contains("content-length"), "{path}: {said}");
        }
    }
    assert_eq!(server.api.live.followers(), 0);
}

#[tokio::test]
async fn the_front_door_leads_to_the_documents() {
    let server = Server::start().await;
    insta::assert_snapshot!(server.get("/").await.text, @r#"
    This is Slipway, a build service for container images.

    API      /api/v2/builds
    document /openapi.json
    pages    /docs/
    health   /health
    "#);
    let browser = server.request(Method::GET, "/").header("Accept", "text/html,*/*;q=0.8");
    let page = answer(browser).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("swagger-ui"), "{}", page.text);
    assert!(server.get("/docs").await.text.contains("swagger-ui"));

    let start = server.get("/docs/swagger-initializer.js").await.text;
    assert!(start.contains("../openapi.json") && start.contains("\"none\""), "{start}");
    // The page brings all that it needs: nothing comes from elsewhere.
    assert!(!page.text.contains("//cdn") && !page.text.contains("https://"), "{}", page.text);
}

#[tokio::test]
async fn the_document_says_what_there_is() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    insta::assert_json_snapshot!("openapi", document, {".info.version" => "[version]"});

    // Each path of the document is served, with just the methods it names.
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071");
        let wrong = answer(server.request(Method::PATCH, &path.replace("{name}", "x"))).await;
        assert_eq!(wrong.status, 405, "{path}");
        let allowed = wrong.header("allow").replace(", HEAD", "").to_lowercase();
        let mut allowed: Vec<&str> = allowed.split(", ").collect();
        allowed.sort_unstable();
        let named: Vec<&String> = methods.as_object().unwrap().keys().collect();
        assert_eq!(allowed, named, "{path}");
    }
    assert_no_dead_references(&document, &document);
}

fn assert_no_dead_references(node: &Value, document: &Value) {
    match node {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                let place = reference.trim_start_matches('#');
                assert!(document.pointer(place).is_some(), "{reference}");
            }
            fields.values().for_each(|value| assert_no_dead_references(value, document));
        }
        Value::Array(values) => {
            values.iter().for_each(|value| assert_no_dead_references(value, document));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
