//! Redirects: where they may lead, and where they must not.

use slipway_domain::Reason;
use slipway_outbound::{AddressKind, FetchErrorKind, MAX_REDIRECTS, RedirectFault};

use crate::server::{Server, local_fetcher, ok, read, redirect, request, status, text};

/// The kind that fetching from a server ends in, which redirects to `target`.
async fn led_to(target: &str) -> FetchErrorKind {
    let to = target.to_owned();
    let server = Server::start(move |_| redirect(&to)).await;
    let error = local_fetcher().get(request(server.url("/"))).await.unwrap_err();
    assert_eq!(server.asked().len(), 1, "{target}");
    error.kind
}

#[tokio::test]
async fn each_kind_of_redirect_is_followed() {
    for code in [301, 302, 303, 307, 308] {
        let server = Server::start(move |path| match path {
            "/there" => ok("file"),
            _ => text(&format!("HTTP/1.1 {code} X\r\nlocation: ../there\r\n\r\n")),
        })
        .await;
        let fetched = local_fetcher().get(request(server.url("/a/b"))).await.unwrap();
        assert_eq!(fetched.url, server.url("/there").as_str(), "{code}");
        assert_eq!(read(fetched).await.unwrap(), b"file");
    }
}

#[tokio::test]
async fn to_the_metadata_of_the_cloud() {
    for target in [
        "http://169.254.169.254/latest/meta-data/",
        "//169.254.169.254/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://169.254.43518/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:a9fe:a9fe::1]/",
        "http://[fd00:ec2::254]/",
        "http://public.example@169.254.169.254/",
        "http://169.254.169.254./",
        "http://①⑥⑨.②⑤④.①⑥⑨.②⑤④/",
        "http://%31%36%39.254.169.254/",
        "\thttp:\\\\169.254.169.254\\latest",
    ] {
        let kind = led_to(target).await;
        let FetchErrorKind::Refused(refused) = kind else { panic!("{target}: {kind:?}") };
        assert_eq!(refused.kind, AddressKind::CloudMetadata, "{target}");
    }
}

#[tokio::test]
async fn the_failure_names_both_ends() {
    let server = Server::start(|_| redirect("http://u:p@10.0.0.1/x?token=hush")).await;
    let url = server.url("/a?token=hush");
    let failure = local_fetcher().get(request(url)).await.unwrap_err().failure();
    assert_eq!(failure.reason, Reason::AddressRefused);
    assert_eq!(
        failure.message,
        format!(
            "http://10.0.0.1/x cannot be fetched: requests may not reach 10.0.0.1 (private \
             network) ({} redirects there)",
            server.url("/a")
        )
    );
    assert_eq!(
        failure.hint.unwrap(),
        "if requests are to reach it, have 10.0.0.1 added to limits.allowed_addresses in the \
         settings of slipway, or set limits.allow_private_addresses for all private networks"
    );
}

#[tokio::test]
async fn in_a_circle() {
    let server = Server::start(|path| match path {
        "/a" => redirect("/b"),
        _ => redirect("/a#again"),
    })
    .await;
    let error = local_fetcher().get(request(server.url("/a"))).await.unwrap_err();
    let back = server.url("/a").to_string();
    assert_eq!(error.kind, FetchErrorKind::Redirect(RedirectFault::Loop(back)));
    assert_eq!(error.at, server.url("/b").as_str());
    assert_eq!(server.asked().len(), 2);

    // A login in front of the host makes it no other place.
    let disguised =
        Server::start(|port| redirect(&format!("//u:p@127.0.0.1:{}{port}", &port[1..]))).await;
    let url = disguised.url(&format!("/{}", disguised.address.port()));
    let error = local_fetcher().get(request(url)).await.unwrap_err();
    assert!(matches!(error.kind, FetchErrorKind::Redirect(RedirectFault::Loop(_))), "{error:?}");
    assert_eq!(disguised.asked().len(), 1);
}

#[tokio::test]
async fn on_and_on() {
    let server = Server::start(|path| {
        let place: usize = path[1..].parse().unwrap();
        if place == 0 { ok("file") } else { redirect(&format!("/{}", place - 1)) }
    })
    .await;
    let fetched = local_fetcher().get(request(server.url(&format!("/{MAX_REDIRECTS}")))).await;
    assert_eq!(read(fetched.unwrap()).await.unwrap(), b"file");

    let url = server.url(&format!("/{}", MAX_REDIRECTS + 1));
    let error = local_fetcher().get(request(url)).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Redirect(RedirectFault::TooMany));
}

#[tokio::test]
async fn to_what_is_no_web_address() {
    for scheme in ["file", "ftp", "gopher", "data", "javascript"] {
        let fault = RedirectFault::Scheme(scheme.to_owned());
        let target = format!("{scheme}:///etc/passwd");
        assert_eq!(led_to(&target).await, FetchErrorKind::Redirect(fault));
    }
    for bad in ["http://", "http://[::1", "https://a b/"] {
        assert_eq!(led_to(bad).await, FetchErrorKind::Redirect(RedirectFault::Nowhere), "{bad}");
    }
    let server = Server::start(|_| status(302)).await;
    let error = local_fetcher().get(request(server.url("/"))).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Redirect(RedirectFault::Nowhere));
}
