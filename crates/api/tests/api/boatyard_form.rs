//! boatyard's multipart form, as browsers and `curl -F` send it.

use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::json;
use slipway_api::Limits;
use slipway_domain::Source;
use slipway_store::builds::Ending;
use slipway_store::uploads;

use crate::server::{Answer, Server, a_tar, answer};
use crate::worker::Worker;

const JSON: &[u8] = br#"{"image_name": "r.example/app", "username": "u", "password": "p"}"#;

/// A part: its name, its file name where it is a file, its bytes.
type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, bytes) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        let head = format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend(head.as_bytes());
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--XX--\r\n");
    body
}

async fn send(server: &Server, body: Vec<u8>) -> Answer {
    let request = server
        .request(Method::POST, "/api/v1/build")
        .header("Content-Type", "multipart/form-data; boundary=XX");
    answer(request.body(body)).await
}

#[tokio::test]
async fn parts_by_name_and_by_position() {
    let tar = a_tar();
    let tar = tar.as_slice();
    let forms: [(&str, Vec<Part<'_>>); 6] = [
        ("named", vec![("TarFile", Some("c.tar"), tar), ("Json", None, JSON)]),
        ("named, in another case and order", vec![("json", None, JSON), ("tarfile", None, tar)]),
        ("by position", vec![("file", Some("c.tar"), tar), ("data", Some("d.json"), JSON)]),
        ("half named", vec![("file", Some("c.tar"), tar), ("Json", None, JSON)]),
        ("the other half", vec![("TarFile", None, tar), ("fields", None, JSON)]),
        (
            "with buttons",
            vec![
                ("ok", None, b"Go"),
                ("TarFile", None, tar),
                ("Json", None, JSON),
                ("x", None, b""),
            ],
        ),
    ];
    for (what, parts) in forms {
        let server = Server::start().await;
        let accepted = send(&server, form(&parts)).await;
        assert_eq!(accepted.status, 200, "{what}: {accepted:?}");
        let claimed = Worker::start(&server).await.claim().await;
        let Source::Upload { id } = claimed.spec.source else { panic!("{:?}", claimed.spec) };
        let blob = server.folder.path().join("blobs").join(id.to_string());
        assert_eq!(std::fs::read(blob).unwrap(), tar, "{what}");
        assert_eq!(claimed.secrets.registry_auth.len(), 1, "{what}");
        assert_eq!(server.blobs_left(1).await.len(), 1, "{what}");
    }
}

/// In base64, in a form, and each byte of it there in the end.
#[tokio::test]
async fn twenty_megabytes_in_one_request() {
    let server = Server::start().await;
    let mut archive = b"\x1f\x8b\x08\x00".to_vec();
    archive.extend((0_u32..20 << 18).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()));
    let json = json!({"image_name": "r.example/app", "TarFile": STANDARD.encode(&archive)});
    let form = form(&[("TarFile", Some("c.tgz"), &archive), ("Json", None, JSON)]);
    let worker = Worker::start(&server).await;
    for (kind, body) in [
        ("application/x-www-form-urlencoded", json.to_string().into_bytes()),
        ("multipart/form-data; boundary=XX", form),
    ] {
        let request = server.request(Method::POST, "/api/v1/build").header("Content-Type", kind);
        // Without optimisation, tens of megabytes take their time.
        let request = request.timeout(Duration::from_secs(300));
        let accepted = answer(request.body(body)).await;
        assert_eq!(accepted.status, 200, "{kind}: {accepted:?}");
        let claimed = worker.claim().await;
        let Source::Upload { id } = claimed.spec.source else { panic!("{:?}", claimed.spec) };
        let (store, blobs) = (&server.api.store, &server.api.blobs);
        let mut blob = uploads::open(store, blobs, id).await.unwrap().unwrap();
        let mut sent = Vec::new();
        blob.read_to_end(&mut sent).unwrap();
        assert!(sent == archive, "{kind}: the bytes differ");
        worker.finish(&claimed.lease, Ending::Cancelled).await;
    }
}

#[tokio::test]
async fn a_form_without_an_archive_is_its_fields() {
    let server = Server::start().await;
    let fields = br#"{"image_name": "app", "dockerfile": "FROM scratch"}"#;
    assert_eq!(send(&server, form(&[("Json", None, fields)])).await.status, 200);
    // The order of sources is the same as ever: the archive goes.
    let both = form(&[("TarFile", None, &a_tar()), ("Json", None, fields)]);
    assert_eq!(send(&server, both).await.status, 200);
    assert!(server.blobs_left(0).await.is_empty());
}

#[tokio::test]
async fn what_is_refused_leaves_nothing() {
    let limits = Limits { upload_bytes: 100_000, body_bytes: 1000, ..Limits::default() };
    let server = Server::with_limits(limits).await;
    let tar = a_tar();
    let mut large = a_tar();
    large.resize(200_000, 7);
    let long = [JSON, &b" ".repeat(2000)].concat();
    let mut table = Vec::new();
    for parts in [
        vec![("TarFile", None, tar.as_slice())],
        vec![("TarFile", None, &tar), ("Json", None, b"{}".as_slice())],
        vec![("TarFile", None, &tar), ("Json", None, b"{")],
        vec![("TarFile", None, &tar), ("Json", None, br#"{"image_name": "r.example/App"}"#)],
        vec![("TarFile", None, b"Rar!\x1a\x07"), ("Json", None, JSON)],
        vec![("file", None, b"<html>"), ("data", None, JSON)],
        vec![("TarFile", None, b""), ("Json", None, JSON)],
        vec![("TarFile", None, &large), ("Json", None, JSON)],
        vec![("TarFile", None, &tar), ("Json", None, &long)],
        vec![("Json", None, JSON)],
        vec![],
    ] {
        table.push(send(&server, form(&parts)).await.line());
    }
    let whole = form(&[("TarFile", None, &tar), ("Json", None, JSON)]);
    table.push(send(&server, whole[..800].to_vec()).await.line());
    table.push(send(&server, b"no form at all".to_vec()).await.line());
    let unbounded =
        server.request(Method::POST, "/api/v1/build").header("Content-Type", "multipart/form-data");
    table.push(answer(unbounded.body(whole.clone())).await.line());
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 {"Error":"Insufficient Information.  Must provide at least an Image Name and a Dockerfile/Tarurl."}
    400 {"Error":"Insufficient Information.  Must provide at least an Image Name and a Dockerfile/Tarurl."}
    400 {"Error":"the body is no JSON object: line 1, column 1: it ends before its end"}
    400 {"Error":"image_name: has capitals in \"App\"; repositories are lower-case"}
    400 {"Error":"TarFile: this is rar, which is not supported; tar, plain or compressed, and zip are"}
    400 {"Error":"TarFile: this looks like a page of HTML or XML, not like an archive"}
    400 {"Error":"TarFile: is empty"}
    413 {"Error":"the body is larger than 100000 bytes; give a large build context by its address, or as an upload (POST /api/v2/uploads)"}
    413 {"Error":"the part Json is larger than 1000 bytes; give a large build context by its address, or as an upload (POST /api/v2/uploads)"}
    400 {"Error":"Insufficient Information.  Must provide at least an Image Name and a Dockerfile/Tarurl."}
    400 {"Error":"Insufficient Information.  Must provide at least an Image Name and a Dockerfile/Tarurl."}
    400 {"Error":"the body ended before its end"}
    400 {"Error":"the body ended before its end"}
    400 {"Error":"the body is no multipart form: Multipart boundary is not found"}
    "#);
    assert!(server.blobs_left(0).await.is_empty());

    // Hung up in the middle of the archive.
    let head = "POST /api/v1/build HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\
        Content-Type: multipart/form-data; boundary=XX\r\n\r\n";
    server.raw(&[head.as_bytes(), &whole[..1500]].concat()).await;
    assert!(server.blobs_left(0).await.is_empty());
}
