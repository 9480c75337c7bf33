//! Keys that OpenSSH and OpenSSL make, and OpenSSH's own client at the agent.
#![expect(clippy::unwrap_used, reason = "a test says so by panicking")]

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use slipway_ssh::{Agent, KeyProblem, Messages, SshKey};

/// The agent behind a socket, for as long as the test lives.
fn serve(folder: &Path, agent: Agent) -> PathBuf {
    let path = folder.join("agent.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let agent = Arc::new(agent);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            talk(stream.unwrap(), &agent);
        }
    });
    path
}

fn talk(mut stream: UnixStream, agent: &Agent) {
    let mut messages = Messages::default();
    // Of an odd size, so that messages come in pieces.
    let mut piece = [0; 37];
    while let Ok(size @ 1..) = stream.read(&mut piece) {
        let answers = messages.answer(&piece[..size], agent).unwrap();
        if stream.write_all(&answers).is_err() {
            return;
        }
    }
}

fn run(program: &str, arguments: &[&str], socket: Option<&Path>) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).env_remove("SSH_AUTH_SOCK");
    if let Some(socket) = socket {
        command.env("SSH_AUTH_SOCK", socket);
    }
    command.output().unwrap()
}

fn succeeds(program: &str, arguments: &[&str], socket: Option<&Path>) -> String {
    let output = run(program, arguments, socket);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap() + &said
}

/// A key that `ssh-keygen` makes, and the path of it.
fn key_of(folder: &Path, name: &str, arguments: &[&str]) -> (String, PathBuf) {
    let path = folder.join(name);
    let file = path.to_str().unwrap();
    let mut all = vec!["-q", "-N", "", "-C", "", "-f", file];
    all.extend(arguments);
    succeeds("ssh-keygen", &all, None);
    (std::fs::read_to_string(&path).unwrap(), path)
}

#[test]
fn openssh_lists_the_keys_and_verifies_what_they_sign() {
    let folder = tempfile::tempdir().unwrap();
    let made = [
        key_of(folder.path(), "ed25519", &["-t", "ed25519"]),
        key_of(folder.path(), "p256", &["-t", "ecdsa", "-b", "256"]),
        key_of(folder.path(), "p384", &["-t", "ecdsa", "-b", "384"]),
        key_of(folder.path(), "rsa", &["-t", "rsa", "-b", "3072"]),
        // The forms of older releases, and of openssl.
        key_of(folder.path(), "rsa-pkcs1", &["-t", "rsa", "-b", "2048", "-m", "PEM"]),
        key_of(folder.path(), "rsa-pkcs8", &["-t", "rsa", "-b", "2048", "-m", "PKCS8"]),
        key_of(folder.path(), "p256-sec1", &["-t", "ecdsa", "-b", "256", "-m", "PEM"]),
        key_of(folder.path(), "p384-pkcs8", &["-t", "ecdsa", "-b", "384", "-m", "PKCS8"]),
    ];
    let keys = made.iter().map(|(text, _)| SshKey::parse(text).unwrap()).collect();
    let socket = serve(folder.path(), Agent::new(keys));

    let listed = succeeds("ssh-add", &["-l"], Some(&socket));
    let message = folder.path().join("message");
    std::fs::write(&message, "what is signed").unwrap();
    for (_, path) in &made {
        let public = format!("{}.pub", path.display());
        let own = succeeds("ssh-keygen", &["-l", "-f", &public], None);
        let print = own.split(' ').nth(1).unwrap();
        assert!(listed.contains(print), "{public} is not in {listed}");
        // Signs with the hash that it likes, and verifies.
        succeeds("ssh-add", &["-T", &public], Some(&socket));
        // Signs through the agent, with SHA-512 where the key is RSA; the private file is not
        // looked at, because the public one is named.
        std::fs::remove_file(path).unwrap();
        let file = message.to_str().unwrap();
        let signed = succeeds(
            "ssh-keygen",
            &["-Y", "sign", "-n", "test", "-f", &public, file],
            Some(&socket),
        );
        assert!(signed.contains("Signing file"), "{signed}");
        let signature = format!("{file}.sig");
        let verify = ["-Y", "check-novalidate", "-n", "test", "-s", &signature];
        let mut checking = Command::new("ssh-keygen");
        checking.args(verify).stdin(std::fs::File::open(&message).unwrap());
        let checked = checking.output().unwrap();
        assert!(checked.status.success(), "{public}: {}", String::from_utf8_lossy(&checked.stderr));
        std::fs::remove_file(signature).unwrap();
    }
}

/// A private number that begins with a zero is written a byte shorter: one key in 256. The key
/// was made for this test, and opens nothing.
const SHORT_NUMBER: &str = "-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAaAAAABNlY2RzYS
1zaGEyLW5pc3RwMjU2AAAACG5pc3RwMjU2AAAAQQQO3vCb3ik7tiUbUd+3s3QPqbik1T44
lA2hw2kZG4u2WXh4ijq6R6HyGg1CmZoBBz688xcZJswqyIMuiI/zbvAOAAAAmO0yWQ/tMl
kPAAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBA7e8JveKTu2JRtR
37ezdA+puKTVPjiUDaHDaRkbi7ZZeHiKOrpHofIaDUKZmgEHPrzzFxkmzCrIgy6Ij/Nu8A
4AAAAfcL4X5ZlSF6vupBle74BLB2MhXQhae26T9gDzLNGb3AAAAAAB
-----END OPENSSH PRIVATE KEY-----
";

#[test]
fn a_number_may_be_shorter_than_its_curve() {
    let key = SshKey::parse(SHORT_NUMBER).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, SHORT_NUMBER).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let shown = succeeds("ssh-keygen", &["-l", "-f", path.to_str().unwrap()], None);
    assert_eq!(format!("{key:?}"), format!("SshKey({})", shown.split(' ').nth(1).unwrap()));
}

/// As `openssl genpkey -algorithm ed25519` writes it, without the public half. Made for this
/// test, too.
const ED25519_OF_OPENSSL: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIFqtJ1haLEaRpEsToLS3TozlLqTDO15zWuqceKnJ5v3J
-----END PRIVATE KEY-----
";

#[test]
fn ed25519_of_openssl() {
    SshKey::parse(ED25519_OF_OPENSSL).unwrap();
}

#[test]
fn keys_that_cannot_be_used_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (good, path) = key_of(folder.path(), "good", &["-t", "ed25519"]);
    let public = std::fs::read_to_string(format!("{}.pub", path.display())).unwrap();
    let encrypted = |form: &str| {
        let (_, path) = key_of(folder.path(), form, &["-t", "rsa", "-b", "2048", "-m", form]);
        let file = path.to_str().unwrap();
        succeeds("ssh-keygen", &["-q", "-p", "-N", "hunter2", "-m", form, "-f", file], None);
        std::fs::read_to_string(path).unwrap()
    };
    let broken = good.replace("OPENSSH", "OPENSHH");
    let cut = good[..good.len() / 2].to_owned();
    for (text, problem) in [
        (String::new(), KeyProblem::NotAKey),
        ("hunter2".to_owned(), KeyProblem::NotAKey),
        (broken, KeyProblem::NotAKey),
        (cut, KeyProblem::NotAKey),
        (public, KeyProblem::Public),
        (encrypted("RFC4716"), KeyProblem::Passphrase),
        (encrypted("PEM"), KeyProblem::Passphrase),
        (encrypted("PKCS8"), KeyProblem::Passphrase),
        (
            key_of(folder.path(), "p521", &["-t", "ecdsa", "-b", "521"]).0,
            KeyProblem::Kind("ecdsa nistp521"),
        ),
        (
            key_of(folder.path(), "p521-pem", &["-t", "ecdsa", "-b", "521", "-m", "PEM"]).0,
            KeyProblem::Kind("ecdsa nistp521"),
        ),
        (key_of(folder.path(), "short", &["-t", "rsa", "-b", "1024"]).0, KeyProblem::Unusable),
    ] {
        let heading = text.lines().next().unwrap_or_default().to_owned();
        match SshKey::parse(&text) {
            Ok(key) => panic!("{heading} was read as {key:?}"),
            Err(found) => assert_eq!(found, problem, "{heading}"),
        }
    }
}

#[test]
fn a_key_is_read_however_its_lines_end() {
    let folder = tempfile::tempdir().unwrap();
    let (good, _) = key_of(folder.path(), "good", &["-t", "ed25519"]);
    // Variables of CI systems lose the line breaks.
    let one_line = good.replace('\n', " ");
    for text in [good.replace('\n', "\r\n"), format!("\n  {}", good.trim_end()), one_line, good] {
        SshKey::parse(&text).unwrap_or_else(|problem| panic!("{problem}: {text:?}"));
    }
}

#[test]
fn what_the_agent_does_not_know_is_refused_and_it_goes_on() {
    let agent = Agent::new(Vec::new());
    // Remove all keys, a lock with a passphrase, an extension, nothing, and bytes of no sense.
    let lock = [22, 0, 0, 0, 1, b'x'];
    for message in [&[19][..], &lock, &[27, 0, 0, 0, 1, b'x'], &[], &[13, 255, 255, 255, 255]] {
        assert_eq!(agent.answer(message), [5], "{message:?}");
    }
    assert_eq!(agent.answer(&[11]), [12, 0, 0, 0, 0]);
    let mut messages = Messages::default();
    assert_eq!(messages.answer(&[0, 0, 0, 1], &agent), Ok(Vec::new()));
    assert_eq!(messages.answer(&[11], &agent), Ok(vec![0, 0, 0, 5, 12, 0, 0, 0, 0]));
    messages.answer(&[0, 4, 0, 1], &agent).unwrap_err();
}
