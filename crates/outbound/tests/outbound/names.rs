//! Names that resolve to one thing now and another a moment later.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use slipway_domain::Reason;
use slipway_outbound::{
    AddressKind, AddressPolicy, FetchErrorKind, Fetcher, Guard, Resolve, ResolveError,
};
use url::Url;

use crate::server::{Server, ok, read, redirect, request};

/// Gives its answers one after the other, whatever it is asked.
struct Fickle(Mutex<VecDeque<Vec<IpAddr>>>);

#[async_trait]
impl Resolve for Fickle {
    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let answer = self.0.lock().unwrap().pop_front();
        let answer = answer.ok_or_else(|| io::Error::other("Name or service not known"))?;
        Ok(answer.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }
}

fn guard<const N: usize>(policy: AddressPolicy, answers: [&[&str]; N]) -> Guard {
    let answers = answers
        .iter()
        .map(|answer| answer.iter().map(|address| address.parse().unwrap()).collect())
        .collect();
    Guard::with_resolver(policy, Arc::new(Fickle(Mutex::new(answers))))
}

fn only(network: &str) -> AddressPolicy {
    AddressPolicy::public_only().allow(&[network]).unwrap()
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_dialled() {
    let good = Server::start_at("127.0.0.2:0", |_| ok("good")).await;
    let port = good.address.port();
    // On the same port, so that only the address decides who answers.
    let evil = Server::start_at(&format!("127.0.0.3:{port}"), |_| ok("evil")).await;
    let guard = guard(only("127.0.0.2"), [&["127.0.0.2"], &["127.0.0.3"]]);
    let fetcher = Fetcher::new(guard, b"").unwrap();
    let url = Url::parse(&format!("http://rebind.example:{port}/")).unwrap();

    let fetched = fetcher.get(request(url.clone())).await.unwrap();
    assert_eq!(read(fetched).await.unwrap(), b"good");
    assert!(good.asked()[0].contains(&format!("host: rebind.example:{port}\r\n")));

    // Its second answer is checked as the first was.
    let error = fetcher.get(request(url)).await.unwrap_err();
    let FetchErrorKind::Refused(refused) = &error.kind else { panic!("{error:?}") };
    assert_eq!((refused.host.as_str(), refused.kind), ("rebind.example", AddressKind::Loopback));
    assert!(evil.asked().is_empty());
}

#[tokio::test]
async fn a_redirect_to_the_same_name_is_checked_again() {
    let server = Server::start_at("127.0.0.2:0", |_| redirect("/again")).await;
    let guard = guard(only("127.0.0.2"), [&["127.0.0.2"], &["169.254.169.254"]]);
    let fetcher = Fetcher::new(guard, b"").unwrap();
    let url = Url::parse(&format!("http://rebind.example:{}/", server.address.port())).unwrap();
    let error = fetcher.get(request(url)).await.unwrap_err();
    let FetchErrorKind::Refused(refused) = &error.kind else { panic!("{error:?}") };
    assert_eq!(refused.kind, AddressKind::CloudMetadata);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn one_bad_address_among_good_ones_is_one_too_many() {
    let mixed: &[&str] = &["93.184.215.14", "2600::1", "192.168.1.1"];
    let guard = guard(AddressPolicy::public_only(), [mixed]);
    let error = guard.resolve("mixed.example", 443).await.unwrap_err();
    let ResolveError::Refused(refused) = error else { panic!("{error:?}") };
    assert_eq!(refused.address, "192.168.1.1".parse::<IpAddr>().unwrap());
    assert_eq!(
        refused.to_string(),
        "requests may not reach mixed.example, which is at 192.168.1.1 (private network)"
    );
    assert!(refused.hint().contains("have mixed.example or 192.168.1.1 added"));
}

#[tokio::test]
async fn all_addresses_are_handed_out_as_they_will_be_dialled() {
    let answer: &[&str] = &["93.184.215.14", "2600::1", "::ffff:93.184.215.15"];
    let guard = guard(AddressPolicy::public_only(), [answer]);
    let dialled = guard.resolve("good.example", 443).await.unwrap();
    let expected = ["93.184.215.14:443", "[2600::1]:443", "93.184.215.15:443"];
    assert_eq!(dialled, expected.map(|address| address.parse().unwrap()));
}

#[tokio::test]
async fn an_allowed_name_may_be_anywhere_but_at_the_clouds_metadata() {
    let policy = AddressPolicy::public_only().allow(&["git.internal"]).unwrap();
    let answers: [&[&str]; 3] = [&["10.0.0.1", "127.0.0.1"], &["10.0.0.1"], &["169.254.169.254"]];
    let guard = guard(policy, answers);
    assert_eq!(guard.resolve("GIT.internal.", 22).await.unwrap().len(), 2);
    assert!(guard.resolve("not.git.internal", 22).await.is_err());
    let error = guard.resolve("git.internal", 22).await.unwrap_err();
    let ResolveError::Refused(refused) = error else { panic!("{error:?}") };
    assert_eq!(refused.kind, AddressKind::CloudMetadata);
    assert!(refused.hint().starts_with("name another address"), "{}", refused.hint());
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_does_not_answer() {
    let server = Server::start_at("127.0.0.2:0", |_| ok("file")).await;
    let guard = guard(only("127.0.0.0/8"), [&["127.0.0.9", "127.0.0.2"]]);
    let url = Url::parse(&format!("http://two.example:{}/", server.address.port())).unwrap();
    let fetched = Fetcher::new(guard, b"").unwrap().get(request(url)).await.unwrap();
    assert_eq!(read(fetched).await.unwrap(), b"file");
}

#[tokio::test]
async fn names_that_have_no_address() {
    let guard = guard(AddressPolicy::public_only(), [&[]]);
    let error = guard.resolve("empty.example", 80).await.unwrap_err();
    assert_eq!(error.to_string(), "the name empty.example cannot be resolved: it has no address");
    let error = guard.resolve("gone.example", 80).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the name gone.example cannot be resolved: name or service not known"
    );
    assert_eq!(error.failure().reason, Reason::SourceUnreachable);
    for bad in ["", ".", "a b", "u@127.0.0.1", "a/b", "a:80", "1.2.3.4.5", "[::1", "fe80::1%lo"] {
        let error = guard.resolve(bad, 80).await.unwrap_err();
        assert_eq!(error, ResolveError::NoHost(bad.to_owned()));
        assert_eq!(error.failure().reason, Reason::AddressRefused);
    }
}
