//! Names that are taken, and what is said of those that are not.

use proptest::prelude::*;

use super::*;

fn parts(text: &str) -> (String, String, String) {
    let image = ImageRef::parse(text).unwrap();
    (image.registry().to_string(), image.repository(), image.tag().to_owned())
}

#[test]
fn short_names_are_docker_hubs() {
    let expect = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(parts("app"), expect("docker.io", "app", "latest"));
    assert_eq!(parts("app:1"), expect("docker.io", "app", "1"));
    assert_eq!(parts("team/app"), expect("docker.io", "team/app", "latest"));
    assert_eq!(parts("docker.io/app"), expect("docker.io", "app", "latest"));
    assert_eq!(parts("index.docker.io/library/app"), expect("docker.io", "app", "latest"));
    assert_eq!(parts("localhost/app"), expect("localhost", "localhost/app", "latest"));
    assert_eq!(parts("r:5000/a/b:t"), expect("r:5000", "r:5000/a/b", "t"));
    assert_eq!(parts("[::1]:5000/a"), expect("[::1]:5000", "[::1]:5000/a", "latest"));
    // A dot after the first slash is no registry: the old service got this wrong.
    assert_eq!(parts("team/my.app"), expect("docker.io", "team/my.app", "latest"));
}

#[test]
fn a_registry_for_names_without_one() {
    let registry = RegistryHost::parse("https://r.example:5000/v2/").unwrap();
    let named = |text: &str| ImageRef::parse_in(&registry, text).unwrap().to_string();
    assert_eq!(named("app"), "r.example:5000/app:latest");
    assert_eq!(named("team/app:1"), "r.example:5000/team/app:1");
    assert_eq!(named("other.example/app"), "other.example/app:latest");
    assert_eq!(named("docker.io/app"), "app:latest");
    assert!(ImageRef::parse_in(&registry, "").is_err());
    assert!(ImageRef::parse_in(&registry, "http://app").is_err());
}

#[test]
fn what_is_wrong_is_named() {
    use ImageRefError as E;
    let error = |text: &str| ImageRef::parse(text).unwrap_err();
    assert_eq!(error(""), E::Empty);
    assert_eq!(error("http://r.example/app"), E::Scheme);
    assert_eq!(error("team/App"), E::Uppercase("App".into()));
    assert_eq!(error("r.example/../app"), E::Component("..".into()));
    assert_eq!(error("r.example//app"), E::Component(String::new()));
    assert_eq!(error("r.example/a___b"), E::Component("a___b".into()));
    assert_eq!(error("r.example/app/"), E::Component(String::new()));
    assert_eq!(error("r.example/app:my tag"), E::Tag("my tag".into()));
    assert_eq!(error("r.example/app:"), E::Tag(String::new()));
    assert_eq!(error("-r.example/app"), E::Domain("-r.example".into()));
    assert_eq!(error("r.example:99999/app"), E::Domain("r.example:99999".into()));
    assert_eq!(error("app@sha256:12"), E::Digest("sha256:12".into()));
    assert_eq!(error(&"a".repeat(64)), E::Id);
    assert_eq!(error(&format!("sha256:{}", "a".repeat(64))), E::Id);
    assert_eq!(error(&"a".repeat(300)), E::TooLong(300));
    assert_eq!(error(&format!("app:{}", "t".repeat(129))), E::Tag("t".repeat(129)));
}

proptest! {
    #[test]
    fn what_the_grammar_allows_is_taken_and_comes_back(
        domain in prop::option::of("([a-z0-9]+(-[a-z0-9]+)?\\.){1,3}[a-z]{2,5}(:[1-9][0-9]{0,3})?"),
        path in "[a-z0-9]{1,8}((_|__|-{1,3})[a-z0-9]{1,5}){0,2}(/[a-z0-9]{1,8}(\\.[a-z0-9]{1,3})?){0,3}",
        tag in prop::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"),
        digest in prop::option::of("sha256:[0-9a-f]{64}"),
    ) {
        let mut text = domain.map_or(path.clone(), |domain| format!("{domain}/{path}"));
        if let Some(tag) = &tag { text = format!("{text}:{tag}"); }
        if let Some(digest) = &digest { text = format!("{text}@{digest}"); }
        let image = ImageRef::parse(&text).unwrap();
        prop_assert_eq!(image.tag(), tag.as_deref().unwrap_or("latest"));
        prop_assert_eq!(image.digest(), digest.as_deref());
        prop_assert_eq!(ImageRef::parse(&image.to_string()).unwrap(), image);
    }

    #[test]
    fn whatever_is_taken_is_safe_in_a_path(text in "\\PC{0,80}") {
        if let Ok(image) = ImageRef::parse(&text) {
            let shown = image.to_string();
            prop_assert!(shown.is_ascii());
            prop_assert!(!shown.contains(|c: char| c.is_whitespace() || c.is_control()));
            prop_assert!(!shown.contains("..") && !shown.contains("//"));
            prop_assert_eq!(ImageRef::parse(&shown).unwrap(), image);
        }
    }
}
