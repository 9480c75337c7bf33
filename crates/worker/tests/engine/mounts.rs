//! Secrets and SSH agents that steps mount.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use slipway_domain::{LogStream, Reason, Secret, SecretId, Stage};
use slipway_test_support::env;
use slipway_worker::engine::{BuildRequest, Builder};

use crate::support::{build, build_dockerfile, engine, request, unique};

fn named(values: &[(&str, &str)]) -> BTreeMap<SecretId, Secret> {
    let secret = |value: &str| Secret::from(value.to_owned());
    values.iter().map(|(id, value)| (SecretId::parse(id).unwrap(), secret(value))).collect()
}

fn with_secrets(values: &[(&str, &str)]) -> BuildRequest {
    let mut request = request();
    request.secrets.build = named(values);
    request
}

#[tokio::test]
async fn a_step_finds_its_secret_as_it_was_sent() {
    // 500 KiB is all that BuildKit takes; line breaks and quotes are kept.
    let large = "0123456789abcde\n".repeat(500 * 1024 / 16);
    let odd = format!("two lines\n\"quoted\" ä {}", unique());
    let request = with_secrets(&[("large", &large), ("odd.one", &odd)]);
    let dockerfile = format!(
        "FROM {}\n\
         RUN --mount=type=secret,id=large --mount=type=secret,id=odd.one,target=/deep/er \
         echo {}; wc -c </run/secrets/large; md5sum </run/secrets/large; cat /deep/er\n\
         RUN test ! -s /run/secrets/large && test ! -s /deep/er && echo nothing left\n",
        env::base_image(),
        unique()
    );
    let told = build_dockerfile(&engine(Builder::Buildkit), &request, &dockerfile).await;
    told.result.as_ref().unwrap();
    let said = told.text(LogStream::Stdout);
    assert!(said.contains("512000\n"), "{said}");
    // Of the same bytes, by `md5sum` here.
    assert!(said.contains(&md5_of(large.as_bytes())), "{said}");
    assert!(said.contains(&odd), "{said}");
    assert!(said.contains("nothing left"), "{said}");
}

fn md5_of(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let output = Command::new("md5sum").arg(file.path()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_secret_that_was_not_sent() {
    let request = with_secrets(&[("other", "hunter2")]);
    let mounts = |required: &str| {
        format!(
            "FROM {}\nRUN --mount=type=secret,id=npm{required} echo {}; ls /run/secrets; echo on\n",
            env::base_image(),
            unique()
        )
    };
    let engine = engine(Builder::Buildkit);
    let told = build_dockerfile(&engine, &request, &mounts("")).await;
    told.result.as_ref().unwrap();
    assert!(told.text(LogStream::Stdout).contains("on\n"));

    let failure =
        build_dockerfile(&engine, &request, &mounts(",required=true")).await.result.unwrap_err();
    assert_eq!(failure.reason, Reason::SecretMissing, "{failure:?}");
    assert_eq!(failure.message, "a step needs the build secret npm, which the build does not have");
    assert!(failure.hint.unwrap().contains("secrets.npm"));
}

#[tokio::test]
async fn an_agent_that_was_not_sent() {
    let dockerfile = format!(
        "FROM {}\nRUN --mount=type=ssh,id=deploy,required=true echo {}\n",
        env::base_image(),
        unique()
    );
    let told = build_dockerfile(&engine(Builder::Buildkit), &request(), &dockerfile).await;
    let failure = told.result.unwrap_err();
    assert_eq!(failure.reason, Reason::SecretMissing, "{failure:?}");
    assert_eq!(failure.message, "a step needs the ssh key deploy, which the build does not have");
    assert!(failure.hint.unwrap().contains("ssh.deploy"));
}

#[tokio::test]
async fn the_classic_builder_is_not_even_asked() {
    let mut with_ssh = request();
    with_ssh.secrets.ssh = named(&[("default", "no key, and nobody looks")]);
    for request in [with_secrets(&[("npm", "hunter2")]), with_ssh] {
        let dockerfile = format!("FROM {}\nRUN echo it runs\n", env::base_image());
        let told = build_dockerfile(&engine(Builder::Classic), &request, &dockerfile).await;
        let failure = told.result.unwrap_err();
        assert_eq!(failure.reason, Reason::BuilderUnsupported);
        assert_eq!(failure.stage, Some(Stage::Preparing));
        assert!(failure.message.contains("build-1"), "{failure}");
        assert!(failure.hint.unwrap().contains("buildkit"));
        assert!(told.news.is_empty(), "{:?}", told.news);
    }
}

/// OpenSSH's own client in a step, at the agent's socket.
#[tokio::test]
async fn openssh_signs_with_the_key_in_a_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut request = request();
    let kinds: [(&str, &[&str]); 3] = [
        ("default", &["-t", "ed25519"]),
        ("ecdsa", &["-t", "ecdsa", "-b", "256"]),
        ("rsa", &["-t", "rsa", "-b", "2048"]),
    ];
    let mut files = programs(&["ssh-add", "ssh-keygen"]);
    let mut steps = String::new();
    for (id, arguments) in kinds {
        let path = folder.path().join(id);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-N", "", "-C", "", "-f", path.to_str().unwrap()])
            .args(arguments)
            .status();
        assert!(made.unwrap().success());
        let key = std::fs::read_to_string(&path).unwrap();
        request.secrets.ssh.extend(named(&[(id, &key)]));
        let public = std::fs::read(path.with_extension("pub")).unwrap();
        files.push((format!("{id}.pub"), public, 0o644));
        // Lists, signs and verifies; and signs as git and ssh do, with a hash asked for.
        steps.push_str(&format!(
            "RUN --mount=type=ssh,id={id} ssh-add -l && ssh-add -T /{id}.pub && \
             ssh-keygen -Y sign -n test -f /{id}.pub /etc/passwd && \
             ssh-keygen -Y check-novalidate -n test -s /etc/passwd.sig </etc/passwd && \
             rm /etc/passwd.sig && echo {id} signs\n"
        ));
    }
    let dockerfile = format!(
        "FROM {}\nCOPY . /\nRUN echo {}\n{steps}RUN test -z \"$SSH_AUTH_SOCK\" && echo no agent\n",
        env::base_image(),
        unique()
    );
    files.push(("Dockerfile".to_owned(), dockerfile.into_bytes(), 0o644));

    let told = build(&engine(Builder::Buildkit), &request, tar_of(&files)).await;
    let said = told.text(LogStream::Stdout) + &told.text(LogStream::Stderr);
    told.result.unwrap_or_else(|failure| panic!("{failure:?}: {said}"));
    for (id, _) in kinds {
        assert!(said.contains(&format!("{id} signs\n")), "{said}");
        let public = folder.path().join(format!("{id}.pub"));
        let shown = Command::new("ssh-keygen").arg("-lf").arg(public).output().unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        let print = shown.split(' ').nth(1).unwrap();
        assert!(said.contains(print), "{print} is not in {said}");
    }
    assert!(said.contains("no agent"), "{said}");
}

type File = (String, Vec<u8>, u32);

/// Programs of this machine, and the libraries that they need, in their places.
fn programs(names: &[&str]) -> Vec<File> {
    let mut paths = Vec::new();
    for name in names {
        let found = Command::new("which").arg(name).output().unwrap();
        let program = String::from_utf8(found.stdout).unwrap().trim().to_owned();
        assert!(!program.is_empty(), "{name} is not installed: dev/install.sh ssh");
        let listed = Command::new("ldd").arg(&program).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        // `libz.so.1 => /lib/…/libz.so.1 (0x…)`, `/lib64/ld-linux-x86-64.so.2 (0x…)`
        let words = listed.split_whitespace().filter(|word| word.starts_with('/'));
        paths.extend(words.map(str::to_owned));
        paths.push(program);
    }
    paths.sort();
    paths.dedup();
    let file = |path: String| {
        let bytes = std::fs::read(Path::new(&path)).unwrap();
        // The base image has /bin and no /usr/bin in its PATH's way.
        (path.trim_start_matches("/usr").trim_start_matches('/').to_owned(), bytes, 0o755)
    };
    paths.into_iter().map(file).collect()
}

fn tar_of(files: &[File]) -> Bytes {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content, mode) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(*mode);
        tar.append_data(&mut header, path, content.as_slice()).unwrap();
    }
    tar.into_inner().unwrap().into()
}
