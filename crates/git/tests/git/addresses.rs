//! Where git dials, and where it does not.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use slipway_domain::{GitUrl, Reason};
use slipway_outbound::{AddressPolicy, Guard, Resolve};
use tokio::net::TcpSocket;

use crate::http::{Manners, Server};
use crate::origin::Origin;
use crate::run::{Run, at, of};

/// Knows a name that nobody else does, which means this machine when it is asked first and
/// something else from then on.
#[derive(Default)]
struct Fickle {
    asked: AtomicUsize,
}

#[async_trait]
impl Resolve for Fickle {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        assert!(host.starts_with("repo.test"));
        let first = self.asked.fetch_add(1, Ordering::SeqCst) == 0;
        let address: IpAddr =
            if first { [127, 0, 0, 1].into() } else { [169, 254, 169, 254].into() };
        Ok(vec![SocketAddr::new(address, port)])
    }
}

#[tokio::test]
async fn a_name_is_asked_for_once() {
    let origin = Origin::new();
    origin.repo_with_dockerfile("app.git").git(&["tag", "v1", "main"]);
    let server = Server::start(origin.path()).await;
    for host in ["repo.test", "REPO.test", "repo.test."] {
        let names = Arc::new(Fickle::default());
        let policy = AddressPolicy::public_only().allow_loopback(true);
        let run = Run { guard: Guard::with_resolver(policy, names.clone()), ..Run::new() };
        let url = server.url_at(host, "app.git");
        // Three runs of git dial.
        run.files(&at(&url, "v1")).await;
        assert_eq!(names.asked.load(Ordering::SeqCst), 1);
        let failure = run.failure(&of(&url)).await;
        assert_eq!(failure.reason, Reason::AddressRefused, "{failure:?}");
    }
}

#[tokio::test]
async fn closed_addresses_stay_closed() {
    let run = Run { guard: Guard::new(AddressPolicy::public_only()), ..Run::new() };
    for address in [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:9/a",
        "http://0x7f.1/a",
        "http://[0:0:0:0:0:ffff:a00:1]/a",
        "ssh://git@169.254.169.254/a",
        "git@127.0.0.1:a",
        "ssh://git@[0:0:0:0:0:0:0:1]/a",
    ] {
        let url = GitUrl::parse(address).unwrap().0;
        let failure = run.failure(&of(&url)).await;
        assert_eq!(failure.reason, Reason::AddressRefused, "{address}: {failure:?}");
    }
}

#[tokio::test]
async fn redirects_are_told_and_not_followed() {
    let origin = Origin::new();
    origin.repo_with_dockerfile("app.git");
    let there = Server::start(origin.path()).await;
    let location = there.url("app.git");
    let answer =
        format!("HTTP/1.1 301 X\r\nlocation: {location}/info/refs?service=git-upload-pack");
    let manners = Manners { answer: Some(answer), ..Manners::default() };
    let here = Server::with(origin.path(), manners).await;
    let failure = Run::new().failure(&of(&here.url("old.git"))).await;
    assert_eq!(failure.reason, Reason::SourceError);
    let url = here.url("old.git");
    assert_eq!(failure.message, format!("{url} redirects to {location}"));
    assert!(failure.hint.unwrap().contains("name the new address"));
    assert!(there.asked().is_empty());
}

#[tokio::test]
async fn servers_in_trouble() {
    let origin = Origin::new();
    for (answer, reason, message) in [
        ("HTTP/1.1 503 X", Reason::SourceError, "answered with status 503"),
        ("HTTP/1.1 403 X", Reason::SourceDenied, "wants a login"),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>\nlog in",
            Reason::SourceNotFound,
            "there is no repository",
        ),
        // As one that was made small: git takes it for a list of no refs.
        (
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>log in</html>",
            Reason::SourceNotFound,
            "is a page of HTML",
        ),
        ("nonsense", Reason::SourceError, "cannot be fetched: "),
    ] {
        let manners = Manners { answer: Some(answer.to_owned()), ..Manners::default() };
        let server = Server::with(origin.path(), manners).await;
        let failure = Run::new().failure(&of(&server.url("app.git"))).await;
        assert_eq!(failure.reason, reason, "{answer}: {failure:?}");
        assert!(failure.message.contains(message), "{answer}: {failure:?}");
    }
    // Nobody listens there, and nobody else is given the port meanwhile.
    let silent = TcpSocket::new_v4().unwrap();
    silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/app.git", silent.local_addr().unwrap());
    let url = GitUrl::parse(&url).unwrap().0;
    let failure = Run::new().failure(&of(&url)).await;
    assert_eq!(failure.reason, Reason::SourceUnreachable, "{failure:?}");
}
