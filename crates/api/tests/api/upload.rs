//! Build contexts on their way in.

use reqwest::Method;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use slipway_api::Limits;
use slipway_store::mark;

use crate::server::{Server, a_tar, answer};

const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03";

#[tokio::test]
async fn an_archive_becomes_a_source() {
    let server = Server::start().await;
    let uploaded = server.post("/api/v2/uploads", a_tar()).await;
    assert_eq!(uploaded.status, 201);
    let view = uploaded.json();
    let sha256: String = Sha256::digest(a_tar()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        view,
        json!({"id": view["id"], "project": "default", "size": 2048, "sha256": sha256})
    );
    assert_eq!(server.get(&uploaded.header("location")).await.json(), view);
    assert_eq!(server.blobs_left(1).await, [view["id"].as_str().unwrap()]);

    let build = server.submitted(json!({"source": {"type": "upload", "id": view["id"]}})).await;
    let shown = server.get(&build).await.json();
    assert_eq!(shown["source"], json!({"type": "upload", "id": view["id"]}));
}

#[tokio::test]
async fn gzip_and_any_content_type() {
    let server = Server::start().await;
    for kind in ["application/gzip", "application/x-www-form-urlencoded", "text/html"] {
        let request = server.request(Method::POST, "/api/v2/uploads").header("Content-Type", kind);
        assert_eq!(answer(request.body(GZIP)).await.status, 201, "{kind}");
    }
}

#[tokio::test]
async fn what_is_no_archive_is_turned_away() {
    let server = Server::start().await;
    let mut table = Vec::new();
    let long = "FROM scratch\n".repeat(100_000);
    let form = "--b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n…\r\n--b--\r\n";
    for body in ["", "FROM scratch\n", &long, "<!doctype html>", "Rar!\u{1a}", form] {
        table.push(server.post("/api/v2/uploads", body.to_owned()).await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 {"error":{"code":"empty_body","message":"the request has no body","hint":"send what this path asks for as the body of the request"}}
    400 {"error":{"code":"not_an_archive","message":"this is no tar, plain or compressed, and no zip","hint":"send an archive as it is: tar cz . | curl -X POST -T - …"}}
    400 {"error":{"code":"not_an_archive","message":"this is no tar, plain or compressed, and no zip","hint":"send an archive as it is: tar cz . | curl -X POST -T - …"}}
    400 {"error":{"code":"not_an_archive","message":"this looks like a page of HTML or XML, not like an archive","hint":"send an archive as it is: tar cz . | curl -X POST -T - …"}}
    400 {"error":{"code":"not_an_archive","message":"this is rar, which is not supported; tar, plain or compressed, and zip are","hint":"send an archive as it is: tar cz . | curl -X POST -T - …"}}
    400 {"error":{"code":"not_an_archive","message":"this looks like a multipart form; send the archive itself as the body","hint":"send an archive as it is: tar cz . | curl -X POST -T - …"}}
    "#);
    assert!(server.blobs_left(0).await.is_empty());
}

#[tokio::test]
async fn what_is_too_large_is_turned_away() {
    let limits = Limits { upload_bytes: 1024 * 1024, ..Limits::default() };
    let server = Server::with_limits(limits).await;
    // Nothing but the head is sent: the announced length is enough.
    let head = "POST /api/v2/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n";
    let answered = server.raw(head.as_bytes()).await;
    assert!(answered.starts_with("HTTP/1.1 413 "), "{answered}");

    // Chunked: the size is only known on the way, when most of it is written already.
    let mut large = a_tar();
    large.resize(1024 * 1024 + 1, 7);
    let chunks: Vec<_> =
        large.chunks(60_000).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect();
    let chunked = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    insta::assert_snapshot!(server.post("/api/v2/uploads", chunked).await.line(), @r#"413 {"error":{"code":"too_large","message":"the upload is larger than 1048576 bytes","hint":"leave out what the build does not need; the server's setting for uploads is limits.context_bytes"}}"#);
    assert!(server.blobs_left(0).await.is_empty());
}

#[tokio::test]
async fn an_upload_that_is_cut_off_leaves_nothing() {
    let server = Server::start().await;
    let mut large = a_tar();
    large.resize(3 * 1024 * 1024, 7);
    let mut announced =
        b"POST /api/v2/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n".to_vec();
    announced.extend(&large);
    let mut chunked =
        b"POST /api/v2/uploads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    chunked.extend(format!("{:x}\r\n", large.len()).as_bytes());
    chunked.extend(&large);
    chunked.extend(b"\r\n");
    for request in [announced, chunked] {
        let answered = server.raw(&request).await;
        assert!(answered.is_empty() || answered.starts_with("HTTP/1.1 400"), "{answered}");
        assert!(server.blobs_left(0).await.is_empty());
    }
    // The server is none the worse for it.
    assert_eq!(server.post("/api/v2/uploads", a_tar()).await.status, 201);
}

#[tokio::test]
async fn a_large_archive_arrives_as_it_was_sent() {
    let server = Server::start().await;
    let mut large = a_tar();
    large.extend((0..9_000_000_u32).map(|n| (n % 251) as u8));
    let sha256: String = Sha256::digest(&large).iter().map(|byte| format!("{byte:02x}")).collect();
    let uploaded = server.post("/api/v2/uploads", large.clone()).await.json();
    assert_eq!(uploaded["sha256"], sha256);
    let id = uploaded["id"].as_str().unwrap();
    assert_eq!(std::fs::read(server.folder.path().join("blobs").join(id)).unwrap(), large);
}

#[tokio::test]
async fn the_same_bytes_are_kept_once() {
    let server = Server::start().await;
    let (first, second) = tokio::join!(
        server.post("/api/v2/uploads", a_tar()),
        server.post("/api/v2/uploads?project=shop", a_tar()),
    );
    let third = server.post("/api/v2/uploads", a_tar()).await;
    let ids = [&first, &second, &third].map(|answer| answer.json()["id"].to_string());
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
    assert_eq!(server.blobs_left(1).await.len(), 1);
    // Each of them is a source of its own.
    for (answer, project) in [(&first, "default"), (&second, "shop"), (&third, "default")] {
        let source = json!({"type": "upload", "id": answer.json()["id"]});
        server.submitted(json!({"source": source, "project": project})).await;
    }
}

#[tokio::test]
async fn bytes_that_were_lost_are_kept_again() {
    let server = Server::start().await;
    server.post("/api/v2/uploads", a_tar()).await;
    let blobs = server.folder.path().join("blobs");
    let lost = server.blobs_left(1).await.remove(0);
    std::fs::remove_file(blobs.join(&lost)).unwrap();
    let again = server.post("/api/v2/uploads", a_tar()).await.json();
    assert_eq!(server.blobs_left(1).await, [again["id"].as_str().unwrap()]);
    server.post("/api/v2/uploads", a_tar()).await;
    assert_eq!(server.blobs_left(1).await, [again["id"].as_str().unwrap()]);
}

/// As when the folder is not mounted: nobody would find there what is put there now.
#[tokio::test]
async fn a_store_that_is_not_ours_takes_nothing() {
    let server = Server::start().await;
    let (store, blobs) = (&server.api.store, &server.api.blobs);
    mark::settle(store, blobs).await.unwrap();
    let upload = server.post("/api/v2/uploads", a_tar()).await;
    assert_eq!(upload.status, 201, "{upload:?}");
    let (folder, away) = (server.folder.path().join("blobs"), server.folder.path().join("away"));
    std::fs::rename(&folder, &away).unwrap();

    let check = async || {
        let health = server.get("/health").await;
        let checks = health.json()["checks"].clone();
        let of_blobs = checks.as_array().unwrap().iter().find(|check| check["name"] == "blobs");
        let (status, check) = (health.status, of_blobs.unwrap());
        format!("{status} {} {}", check["status"], check["message"])
    };
    insta::assert_snapshot!(check().await, @r#"200 "degraded" "is not the store that was used before: it lacks its mark. Is its folder mounted? Nothing is put there meanwhile. To use it as it is: slipwayd mark-blobs""#);
    let refused = server.post("/api/v2/uploads", a_tar()).await;
    insta::assert_snapshot!(refused.line(), @r#"503 {"error":{"code":"uploads_refused","message":"the server cannot get at its uploads","hint":"tell whoever runs the server: its log and its /health say why"}}"#);
    std::fs::write(folder.join("mark"), "another's").unwrap();
    insta::assert_snapshot!(check().await, @r#"200 "degraded" "has the mark of another installation: see blobs.url. Nothing is put there meanwhile. To use it as it is: slipwayd mark-blobs""#);
    assert_eq!(server.post("/api/v2/uploads", a_tar()).await.status, 503);
    assert_eq!(server.blobs_left(0).await, [""; 0]);
    // What needs none is built as ever.
    server.submitted(json!({})).await;

    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    assert_eq!(check().await, "200 \"healthy\" null");
    assert_eq!(server.post("/api/v2/uploads", a_tar()).await.status, 201);
}

#[tokio::test]
async fn an_upload_belongs_to_a_project() {
    let server = Server::start().await;
    let upload = server.post("/api/v2/uploads?project=shop", a_tar()).await.json();
    assert_eq!(upload["project"], "shop");
    let source = json!({"type": "upload", "id": upload["id"]});
    // To others it is not there, in the very words.
    let refused = server.submit(json!({"source": source})).await;
    let unknown = json!({"type": "upload", "id": "0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071"});
    let nowhere = server.submit(json!({"source": unknown})).await.line();
    let nowhere =
        nowhere.replace("0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071", upload["id"].as_str().unwrap());
    assert_eq!(refused.line(), nowhere);
    server.submitted(json!({"source": source, "project": "shop"})).await;

    let odd = server.post("/api/v2/uploads?project=-", a_tar()).await;
    assert_eq!((odd.status, &odd.json()["error"]["field"]), (400, &json!("project")));
    let other = server.post("/api/v2/uploads?projekt=a", a_tar()).await;
    assert_eq!((other.status, &other.json()["error"]["field"]), (400, &json!("projekt")));
    assert_eq!(server.blobs_left(1).await.len(), 1);
}

#[tokio::test]
async fn an_unknown_upload() {
    let server = Server::start().await;
    let unknown = server.get("/api/v2/uploads/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071").await;
    insta::assert_snapshot!(unknown.line(), @r#"404 {"error":{"code":"no_such_upload","message":"there is no upload 0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071"}}"#);
}
