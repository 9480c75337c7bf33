//! Which part of a tree becomes the context: the folder stripped, the subdir, what is left
//! out.

use std::io::Cursor;

use slipway_context::{ContextError, ContextOptions, Strip, copy_guarded};
use slipway_domain::{DockerfilePath, Failure, Reason};
use slipway_test_support::archives::{Tar, gzip};

use crate::model::entries;
use crate::zip_by_hand::Zip;

fn options() -> ContextOptions {
    ContextOptions::default()
}

fn strip() -> ContextOptions {
    ContextOptions { strip: Strip::SingleTopFolder, ..options() }
}

fn ignore() -> ContextOptions {
    ContextOptions { ignore: true, ..options() }
}

/// The names that come out, or what it was refused for.
fn names(archive: &[u8], options: &ContextOptions) -> Result<Vec<String>, Failure> {
    let mut out = Vec::new();
    match copy_guarded(Cursor::new(archive), options, &mut out) {
        Ok(summary) => {
            assert_eq!(summary.bytes, out.len() as u64);
            let names = entries(&out).into_iter().map(|entry| String::from_utf8(entry.path));
            Ok(names.map(Result::unwrap).collect())
        }
        Err(ContextError::Refused(failure)) => Err(failure),
        Err(ContextError::ReceiverGone) => panic!("a vector does not hang up"),
    }
}

#[test]
fn the_folder_around_everything_is_stripped() {
    let tar = || Tar::default().folder("app-1.2").file("app-1.2/Dockerfile", b"");
    let inside = ["Dockerfile", "src/main.c"];
    let zip = Zip::default()
        .file("app/Dockerfile", b"")
        .file("__MACOSX/app/._Dockerfile", b"attributes")
        .file("app/src/main.c", b"");
    for archive in [
        tar().file("app-1.2/src/main.c", b"").end(),
        gzip(&tar().file("./app-1.2/src/main.c", b"").end()),
        zip.end(),
    ] {
        assert_eq!(names(&archive, &strip()).unwrap(), inside);
        assert_eq!(names(&archive, &options()).unwrap_err().reason, Reason::DockerfileMissing);
    }
    // A hard link names its file from the top, and that is another one now.
    let linked = tar().hard_link("app-1.2/same", "app-1.2/Dockerfile").end();
    let mut out = Vec::new();
    copy_guarded(Cursor::new(linked), &strip(), &mut out).unwrap();
    assert_eq!(entries(&out)[1].target, b"Dockerfile");
}

#[test]
fn nothing_is_stripped_that_is_not_around_everything() {
    let app = || Tar::default().file("app/Dockerfile", b"").file("app/main.c", b"");
    let with =
        |path: &str| ContextOptions { dockerfile: DockerfilePath::parse(path).unwrap(), ..strip() };
    for (archive, options, expected) in [
        // The Dockerfile is where it was asked for.
        (app(), with("app/Dockerfile"), Some(&["app/Dockerfile", "app/main.c"][..])),
        // Something stands beside the folder, at the very end or from the start.
        (app().file("README", b""), strip(), None),
        (
            Tar::with_dockerfile().file("app/main.c", b""),
            strip(),
            Some(&["Dockerfile", "app/main.c"]),
        ),
        // A folder of the same name inside.
        (
            Tar::default().file("app/app/Dockerfile", b""),
            with("app/Dockerfile"),
            Some(&["app/Dockerfile"]),
        ),
        // The Dockerfile by way of a symlink, from outside and from inside.
        (
            Tar::default().file("app/real", b"").symlink("app/link", "real"),
            with("app/link"),
            Some(&["app/real", "app/link"]),
        ),
        (
            Tar::default().file("app/real", b"").symlink("app/link", "real"),
            with("link"),
            Some(&["real", "link"]),
        ),
        // What is around everything is a file, or a symlink.
        (Tar::default().file("app", b""), strip(), None),
        (Tar::default().symlink("app", "."), strip(), None),
    ] {
        let got = names(&archive.end(), &options);
        match expected {
            Some(expected) => assert_eq!(got.unwrap(), expected),
            None => assert_eq!(got.unwrap_err().reason, Reason::DockerfileMissing),
        }
    }
}

#[test]
fn a_folder_of_the_tree_is_the_context() {
    let tree = || {
        Tar::default()
            .file("repo-1/README", b"")
            .file("repo-1/services/api/Dockerfile", b"")
            .symlink("repo-1/elsewhere", "../../out")
            .file("repo-1/services/api/src/main.c", b"")
            .file("repo-1/services/web/Dockerfile", b"")
    };
    let with = |subdir: &str| ContextOptions { subdir: Some(subdir.to_owned()), ..strip() };
    let archive = tree().end();
    for subdir in ["services/api", "services/api/", "./services//api"] {
        assert_eq!(names(&archive, &with(subdir)).unwrap(), ["Dockerfile", "src/main.c"]);
    }
    let inner = ContextOptions { strip: Strip::Nothing, ..with("repo-1/services/web") };
    assert_eq!(names(&archive, &inner).unwrap(), ["Dockerfile"]);

    let failure = names(&archive, &with("services/gone")).unwrap_err();
    assert_eq!(failure.reason, Reason::SourceNotFound);
    assert_eq!(failure.message, "the source has no folder \"services/gone\", which subdir names");
    assert!(!failure.hint.unwrap().contains("Dockerfile"));
    let failure = names(&archive, &with("README")).unwrap_err();
    assert_eq!(failure.reason, Reason::SourceNotFound);
    let failure = names(&archive, &with("services")).unwrap_err();
    assert_eq!(failure.reason, Reason::DockerfileMissing);
    assert_eq!(
        failure.message,
        "the folder \"services\" of the source, which subdir names, has no file \"Dockerfile\"; \
         it has api, web"
    );
    let failure = names(&archive, &with("../x")).unwrap_err();
    assert_eq!(failure.message, "the folder \"../x\" to build in leaves the tree");

    // What leads out of the folder leads out of the context.
    let out = tree().symlink("repo-1/services/api/up", "../../README").end();
    let failure = names(&out, &with("services/api")).unwrap_err();
    assert_eq!(failure.reason, Reason::ContextUnsafe);
    let linked = tree().hard_link("repo-1/services/api/same", "repo-1/README").end();
    let failure = names(&linked, &with("services/api")).unwrap_err();
    assert_eq!(
        failure.message,
        r#"the hard link "same" points to "repo-1/README", outside the build context"#
    );
}

#[test]
fn what_dockerignore_says_is_left_out() {
    let rules = b"# comment\n**\n!src\nsrc/*.o\n!src/keep.o\nsrc/link\n";
    let archive = Tar::default()
        .file("node_modules/a", b"")
        .folder("src")
        .file("src/main.c", b"")
        .file("src/main.o", b"")
        .file("src/keep.o", b"")
        .symlink("src/link", "../../../out")
        .file("Dockerfile", b"")
        // It comes last, as it may.
        .file(".dockerignore", rules)
        .end();
    let kept = ["src/", "src/main.c", "src/keep.o", "Dockerfile", ".dockerignore"];
    for archive in [archive.clone(), gzip(&archive)] {
        assert_eq!(names(&archive, &ignore()).unwrap(), kept);
        assert!(names(&archive, &options()).is_err(), "the symlink leads out");
    }
}

#[test]
fn the_dockerfiles_own_rules_win() {
    let archive = Tar::default()
        .file("top/.dockerignore", b"b\n")
        .file("top/sub/.dockerignore", b"c\n")
        .file("top/sub/docker/api.dockerignore", b"a\n*/api\n")
        .file("top/sub/docker/api", b"")
        .file("top/sub/a", b"")
        .file("top/sub/b", b"")
        .file("top/sub/c", b"")
        .end();
    let with = |dockerfile: &str, subdir: &str| ContextOptions {
        dockerfile: DockerfilePath::parse(dockerfile).unwrap(),
        subdir: Some(subdir.to_owned()),
        ignore: true,
        ..strip()
    };
    let left = |options: &ContextOptions| {
        let names = names(&archive, options).unwrap();
        ["a", "b", "c"]
            .into_iter()
            .filter(|name| !names.contains(&(*name).to_owned()))
            .collect::<String>()
    };
    assert_eq!(left(&with("docker/api", "sub")), "a");
    assert_eq!(left(&with("a", "sub")), "c");
    assert_eq!(
        with("docker/api", "sub/").ignore_files(),
        ["sub/docker/api.dockerignore", "sub/.dockerignore"]
    );
}

#[test]
fn rules_that_cannot_be_read_are_refused() {
    let with = |rules: &[u8]| Tar::with_dockerfile().file(".dockerignore", rules).end();
    let failure = names(&with(b"fine\n[a-\n"), &ignore()).unwrap_err();
    assert_eq!(failure.reason, Reason::DockerfileInvalid);
    assert_eq!(failure.message, "line 2 of .dockerignore is no pattern: [a-");
    let failure = names(&with(&[b'a'; 100_000]), &ignore()).unwrap_err();
    assert_eq!(failure.message, ".dockerignore has more than 64 KiB");
    let linked = Tar::with_dockerfile()
        .file(".dockerignore", b"data\n")
        .file("data", b"")
        .hard_link("same", "data")
        .end();
    let failure = names(&linked, &ignore()).unwrap_err();
    assert_eq!(
        failure.message,
        r#"the hard link "same" points to "data", which .dockerignore leaves out"#
    );
}
