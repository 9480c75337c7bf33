//! A real sshd, with keys of its own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use slipway_domain::GitUrl;
use tempfile::TempDir;

/// A server, until it is dropped.
pub(crate) struct Sshd {
    folder: TempDir,
    port: u16,
    user: String,
    child: Child,
}

impl Sshd {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for key in ["host", "other-host", "client", "stranger"] {
            make_key(&folder.path().join(key));
        }
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::copy(path("client.pub"), path("authorized")).unwrap();
        // Run by root, it wants this place.
        if fs::create_dir_all("/run/sshd").is_ok() {
            let _ = fs::set_permissions("/run/sshd", fs::Permissions::from_mode(0o755));
        }
        let mut tries = 0;
        // A port that was free a moment ago may be another's by now.
        let (port, child) = loop {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let config = format!(
                "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\n\
                 PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
                 KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n",
                path("host"),
                path("authorized"),
            );
            fs::write(path("config"), config).unwrap();
            let mut child = Command::new(sshd())
                .args(["-D", "-e", "-f", &path("config")])
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let began = Instant::now();
            while child.try_wait().unwrap().is_none()
                && TcpStream::connect(("127.0.0.1", port)).is_err()
            {
                assert!(began.elapsed() < Duration::from_secs(60), "sshd does not answer");
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            if child.try_wait().unwrap().is_none() {
                break (port, child);
            }
            tries += 1;
            assert!(tries < 5, "sshd does not start");
        };
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap().trim().to_owned();
        Self { folder, port, user, child }
    }

    pub(crate) fn url(&self, repository: &Path) -> GitUrl {
        let Self { port, user, .. } = self;
        let text = format!("ssh://{user}@127.0.0.1:{port}{}", repository.display());
        GitUrl::parse(&text).unwrap().0
    }

    /// A file of a key: `host`, `other-host`, `client`, `stranger`.
    pub(crate) fn key(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// The line of known hosts for this server with the public key `name`.
    pub(crate) fn known(&self, name: &str) -> String {
        format!("[127.0.0.1]:{} {}", self.port, self.key(&format!("{name}.pub")))
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sshd() -> &'static str {
    let sshd = ["/usr/sbin/sshd", "/usr/bin/sshd"].into_iter().find(|p| Path::new(p).exists());
    sshd.expect("no sshd: dev/install.sh sshd")
}

fn make_key(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
}
