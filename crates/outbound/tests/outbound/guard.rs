//! Addresses in every spelling.

use slipway_outbound::{AddressKind, AddressPolicy, Guard, ResolveError};
use url::Url;

/// What a host is refused as.
async fn refused_as(host: &str) -> AddressKind {
    let guard = Guard::new(AddressPolicy::public_only());
    match guard.resolve(host, 80).await {
        Err(ResolveError::Refused(refused)) => refused.kind,
        other => panic!("{host}: {other:?}"),
    }
}

#[tokio::test]
async fn every_spelling_of_this_machine() {
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "127.255.255.254",
        "127.0.0.1.",
        "2130706433",
        "0x7f000001",
        "0X7F.1",
        "0x7f.0.0.1",
        "017700000001",
        "0177.0.0.1",
        "0177.0x0.1",
        "127.0x000001",
        "[::1]",
        "::1",
        "[::ffff:127.0.0.1]",
        "::ffff:127.0.0.1",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[::ffff:0:127.0.0.1]",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "１２７.0.0.1",
        "127%2e0%2E0.1",
        "%31%32%37.1",
    ] {
        assert_eq!(refused_as(host).await, AddressKind::Loopback, "{host}");
        // And as part of an address, where the library has read it before.
        let bracketed = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        for text in
            [format!("http://{bracketed}/"), format!("https://good.example:x@{bracketed}:8/")]
        {
            let url = Url::parse(&text).unwrap();
            assert_eq!(refused_as(url.host_str().unwrap()).await, AddressKind::Loopback, "{text}");
        }
        // Of other schemes it has not: the host comes as it was written.
        if let Ok(url) = Url::parse(&format!("ssh://git@{bracketed}/a.git")) {
            assert_eq!(refused_as(url.host_str().unwrap()).await, AddressKind::Loopback, "{url}");
        }
    }
}

#[tokio::test]
async fn the_systems_own_resolver_is_checked_too() {
    assert_eq!(refused_as("localhost").await, AddressKind::Loopback);
    let guard = Guard::new(AddressPolicy::public_only().allow_loopback(true));
    let found = guard.resolve("localhost", 80).await.unwrap();
    assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
    let found = guard.resolve("[::ffff:127.0.0.1]", 80).await.unwrap();
    assert_eq!(found, ["127.0.0.1:80".parse().unwrap()]);
}

#[tokio::test]
async fn userinfo_does_not_hide_the_host() {
    for (text, kind) in [
        ("http://example.com@127.0.0.1/", AddressKind::Loopback),
        ("http://example.com:80@10.0.0.1:81/", AddressKind::PrivateNetwork),
        ("http://example.com%40x@169.254.169.254/", AddressKind::CloudMetadata),
        ("http://a@b@[fd00::1]/", AddressKind::UniqueLocal),
        ("http://10.0.0.1\\@example.com/", AddressKind::PrivateNetwork),
        ("http://10.0.0.1#@example.com/", AddressKind::PrivateNetwork),
        ("http:10.0.0.1?@example.com", AddressKind::PrivateNetwork),
    ] {
        let url = Url::parse(text).unwrap();
        assert_eq!(refused_as(url.host_str().unwrap()).await, kind, "{text}");
    }
}
