//! Pages of other origins, as browsers ask for them.

use reqwest::Method;
use serde_json::json;
use slipway_api::{DialectSettings, Origins};

use crate::server::{Answer, Server, answer};

const PAGE: &str = "https://page.example";
const BUILD: &str = "/api/v1/build";
/// Of a job that there is not: it may be called all the same.
const JOB: &str = "/api/v1/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071";

async fn asked(server: &Server, method: Method, path: &str) -> Answer {
    let asked = server.request(method, path).header("Origin", PAGE);
    let asked = asked.header("Accept", "application/json");
    let asked = asked.header("Access-Control-Request-Method", "POST");
    answer(asked.header("Access-Control-Request-Headers", "content-type")).await
}

/// What a browser is told of each path: who may read it, and what may be asked for.
async fn table(server: &Server) -> String {
    let mut table = Vec::new();
    for path in [
        "/",
        "/health",
        "/api/v1",
        "/api/v1/builds",
        "/api/v1/build/x/status",
        &format!("{JOB}/status"),
        &format!("{JOB}/logs"),
        "/api/v2/builds",
    ] {
        let got = asked(server, Method::GET, path).await;
        table.push(format!("GET {path}: {:?}", got.header("access-control-allow-origin")));
    }
    for path in [BUILD, "/api/v2/builds"] {
        let told = asked(server, Method::OPTIONS, path).await;
        let methods = told.header("access-control-allow-methods");
        let mut methods: Vec<&str> = methods.split(", ").collect();
        methods.sort_unstable();
        table.push(format!(
            "OPTIONS {path}: {} {:?} {:?} {:?}",
            told.status,
            told.header("access-control-allow-origin"),
            methods.join(","),
            told.header("access-control-allow-headers"),
        ));
    }
    table.join("\n")
}

async fn of_origins(origins: &[&str]) -> Server {
    let origins: Vec<String> = origins.iter().map(|&origin| origin.to_owned()).collect();
    let origins = Origins::parse(&origins).unwrap();
    Server::with_dialects(DialectSettings { origins, ..DialectSettings::default() }).await
}

#[tokio::test]
async fn pages_of_any_origin_may_call_the_older_services() {
    let server = Server::start().await;
    insta::assert_snapshot!(table(&server).await, @r#"
    GET /: "*"
    GET /health: "*"
    GET /api/v1: "*"
    GET /api/v1/builds: "*"
    GET /api/v1/build/x/status: "*"
    GET /api/v1/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071/status: "*"
    GET /api/v1/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071/logs: "*"
    GET /api/v2/builds: ""
    OPTIONS /api/v1/build: 200 "*" "GET,HEAD,POST" "content-type"
    OPTIONS /api/v2/builds: 405 "" "" ""
    "#);
}

#[tokio::test]
async fn pages_that_are_named() {
    let server = of_origins(&["https://PAGE.example", "https://other.example"]).await;
    insta::assert_snapshot!(table(&server).await, @r#"
    GET /: "https://page.example"
    GET /health: "https://page.example"
    GET /api/v1: "https://page.example"
    GET /api/v1/builds: "https://page.example"
    GET /api/v1/build/x/status: "https://page.example"
    GET /api/v1/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071/status: "https://page.example"
    GET /api/v1/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071/logs: "https://page.example"
    GET /api/v2/builds: ""
    OPTIONS /api/v1/build: 200 "https://page.example" "GET,HEAD,POST" "content-type"
    OPTIONS /api/v2/builds: 405 "" "" ""
    "#);
    // An answer for one page is not for another, whoever keeps it in between.
    let vary = asked(&server, Method::GET, "/api/v1").await.header("vary").to_lowercase();
    assert!(vary.contains("origin"), "{vary}");
}

#[tokio::test]
async fn pages_that_are_not() {
    for origins in [&["https://other.example"][..], &[]] {
        let server = of_origins(origins).await;
        let told = table(&server).await;
        assert!(!told.contains('*') && !told.contains(PAGE), "{told}");
        // The server's own pages and all that are none go on; a browser says whence a page is
        // even where it is the server's own.
        let body = json!({"image_name": "app", "dockerfile": "FROM scratch"}).to_string();
        let own = format!("http://{}", server.address);
        for request in [
            server.request(Method::POST, BUILD),
            server.request(Method::POST, BUILD).header("Origin", own),
        ] {
            assert_eq!(answer(request.body(body.clone())).await.status, 200);
        }
    }
}

#[tokio::test]
async fn the_generators_socket_is_open_to_the_same_pages() {
    let path = "/b1/build/log/ws/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
    for (origins, status) in [(&["*"][..], 101), (&[PAGE], 101), (&[], 403)] {
        let server = of_origins(origins).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{}{path}", server.address);
        let asked = client.get(url).header("Origin", PAGE).header("Connection", "Upgrade");
        let asked = asked.header("Upgrade", "websocket").header("Sec-WebSocket-Version", "13");
        let asked = asked.header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        let answered = asked.send().await.unwrap();
        assert_eq!(answered.status().as_u16(), status, "{origins:?}");
        if status == 403 {
            let told = answered.text().await.unwrap();
            assert!(told.contains("http.cors_origins"), "{told}");
        }
    }
}

#[tokio::test]
async fn a_body_of_another_encoding_is_told_as_such_in_each_dialect() {
    let server = Server::start().await;
    for path in ["/", "/app/build", "/api/v1/build", "/b1/build", "/api/v2/builds"] {
        let request = server.request(Method::POST, path).header("Content-Type", "application/json");
        let told = answer(request.body(b"{\"image_name\":\"\xff\"}".to_vec())).await;
        let line = told.line();
        assert!(line.starts_with("400") && line.contains("in UTF-8: byte 16"), "{path}: {line}");
    }
}
