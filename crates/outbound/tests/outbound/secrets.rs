//! Who gets to see a login, and who does not.

use slipway_domain::{Credentials, Reason};
use slipway_outbound::{FetchErrorKind, HeaderError, LoginSent, Request, SecretHeader};
use url::Url;

use crate::server::{Server, local_fetcher, ok, read, redirect, request, secret_header, status};

/// `u:hunter2`, as HTTP Basic has it; in lowercase, as the server remembers it.
const BASIC: &str = "authorization: basic dtpodw50zxiy";

fn with_secrets(url: Url) -> Request {
    let login = Credentials { username: "u".to_owned(), password: "hunter2".to_owned().into() };
    let headers = vec![secret_header("PRIVATE-TOKEN", "swordfish")];
    Request { login: Some(login), headers, ..request(url) }
}

fn shows_secrets(head: &str) -> bool {
    let shown = head.contains(BASIC);
    assert_eq!(shown, head.contains("private-token: swordfish"), "{head}");
    shown
}

#[tokio::test]
async fn sent_to_the_server_they_are_for_and_on_its_redirects() {
    let server = Server::start(|path| if path == "/b" { ok("file") } else { redirect("/b") }).await;
    let fetched = local_fetcher().get(with_secrets(server.url("/a"))).await.unwrap();
    assert_eq!(read(fetched).await.unwrap(), b"file");
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|head| shows_secrets(head)));
}

#[tokio::test]
async fn left_behind_at_the_first_other_origin_and_never_taken_up_again() {
    let back = Server::start(|_| ok("file")).await;
    let home = back.url("/back");
    let other = Server::start(move |_| redirect(home.as_str())).await;
    let away = other.url("/away");
    // Another port is another origin. The way ends at the host where it began.
    let first = Server::start(move |_| redirect(away.as_str())).await;
    let fetched = local_fetcher().get(with_secrets(first.url("/"))).await.unwrap();
    assert_eq!(read(fetched).await.unwrap(), b"file");
    assert!(shows_secrets(&first.asked()[0]));
    assert!(!shows_secrets(&other.asked()[0]));
    assert!(!shows_secrets(&back.asked()[0]));
}

#[tokio::test]
async fn back_at_home_the_login_stays_behind() {
    let home = Server::start(|path| match path {
        "/back" => status(401),
        away => redirect(&format!("http://127.0.0.2:{}/", &away[1..])),
    })
    .await;
    let back = home.url("/back");
    let other = Server::start_at("127.0.0.2:0", move |_| redirect(back.as_str())).await;
    let start = home.url(&format!("/{}", other.address.port()));
    let error = local_fetcher().get(with_secrets(start)).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Denied { login: LoginSent::Withheld });
    assert!(error.failure().hint.unwrap().contains("to no other"));
    let asked = home.asked();
    assert!(shows_secrets(&asked[0]) && !shows_secrets(&asked[1]));
    assert!(!shows_secrets(&other.asked()[0]));
}

#[tokio::test]
async fn refused_logins_are_told_from_missing_ones_and_never_shown() {
    let server = Server::start(|_| status(403)).await;
    let url = server.url("/a?sig=swordfish#hunter2");
    let request = with_secrets(url);
    assert!(!shows_anything(&format!("{request:?} {:?}", request.headers)));
    let error = local_fetcher().get(request).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Denied { login: LoginSent::Sent });
    let failure = error.failure();
    assert_eq!(failure.reason, Reason::SourceDenied);
    assert_eq!(failure.message, format!("{} refused the login", server.url("/a")));
    assert!(!shows_anything(&format!("{error:?} {error} {failure:?}")));
}

fn shows_anything(text: &str) -> bool {
    text.contains("hunter2") || text.contains("swordfish") || text.contains("sig")
}

#[tokio::test]
async fn a_redirect_gives_no_login_to_another_server() {
    let other = Server::start(|_| ok("file")).await;
    let target = format!("http://u:hunter2@{}/", other.address);
    let server = Server::start(move |_| redirect(&target)).await;
    let fetched = local_fetcher().get(request(server.url("/"))).await.unwrap();
    assert_eq!(fetched.url, other.url("/").as_str());
    assert!(!other.asked()[0].contains("authorization"));
}

#[test]
fn headers_that_are_not_for_users() {
    let new = |name: &str, value: &str| SecretHeader::new(name, &value.to_owned().into());
    for ours in ["Host", "content-length", "Transfer-Encoding", "TE", "accept-encoding", "Range"] {
        assert!(matches!(new(ours, "x"), Err(HeaderError::Ours(_))), "{ours}");
    }
    for bad in ["", "a b", "a:b", "a\r\nhost", "é"] {
        assert!(matches!(new(bad, "x"), Err(HeaderError::Name(_))), "{bad:?}");
    }
    for bad in ["hunter2\r\nhost: x", "hunter2\n", "hunter2\0"] {
        let error = new("x-token", bad).unwrap_err();
        assert!(matches!(error, HeaderError::Value(_)), "{bad:?}");
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
    assert!(new("Authorization", "Bearer x").is_ok());
}
