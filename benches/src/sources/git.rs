//! A large repository, behind a web server with `git http-backend`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures::TryStreamExt as _;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::io::ReaderStream;

use crate::bare::Bare;
use crate::context;
use crate::error::Error;
use crate::work::Work;

/// MiB of a file in there. Below the size from which git no longer holds a file at once.
const FILE_MIB: usize = 16;

/// Serves until it is dropped, and is gone then.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) url: String,
    folder: TempDir,
    serving: JoinHandle<()>,
}

impl Repository {
    /// A commit with this Dockerfile and `mib` MiB of noise.
    pub(crate) async fn make(place: &Path, dockerfile: &str, mib: usize) -> Result<Self, Error> {
        let folder = tempfile::Builder::new().prefix("git-").tempdir_in(place)?;
        let tree = folder.path().join("large.git");
        std::fs::create_dir(&tree)?;
        git(&tree, &["init", "--quiet", "--initial-branch=main"]).await?;
        std::fs::write(tree.join("Dockerfile"), dockerfile)?;
        for number in 0..mib.div_ceil(FILE_MIB) {
            let seed = format!("{dockerfile}{number}");
            let mut noise = std::pin::pin!(context::noise_alone(&seed, FILE_MIB));
            let mut file = tokio::fs::File::create(tree.join(format!("noise{number}"))).await?;
            while let Some(piece) = noise.try_next().await? {
                file.write_all(&piece).await?;
            }
            file.flush().await?;
        }
        git(&tree, &["add", "."]).await?;
        git(&tree, &["commit", "--quiet", "--message", "large"]).await?;
        // One pack, as after a push; and what was checked out is no longer needed.
        git(&tree, &["repack", "-a", "-d", "--quiet"]).await?;
        for entry in std::fs::read_dir(&tree)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                std::fs::remove_file(entry.path())?;
            }
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/large.git", listener.local_addr()?);
        let root = folder.path().to_owned();
        let serving = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let root = root.clone();
                tokio::spawn(async move {
                    if let Err(error) = serve(socket, root).await {
                        eprintln!("the repository was not fetched to its end: {error}");
                    }
                });
            }
        });
        Ok(Self { url, folder, serving })
    }

    /// Without Slipway: fetches the one commit and sends its tree to the engine.
    pub(crate) async fn fetch_and_send(&self, bare: &Bare, work: Work) -> Result<Duration, Error> {
        let begun = Instant::now();
        let to = self.folder.path().join("fetched.git");
        std::fs::create_dir(&to)?;
        git(&to, &["init", "--quiet", "--bare"]).await?;
        git(&to, &["fetch", "--quiet", "--depth=1", &self.url, "main"]).await?;
        let mut archive = command(&to, &["archive", "--format=tar", "FETCH_HEAD"])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let tar = archive.stdout.take().ok_or_else(|| std::io::Error::other("no pipe"))?;
        bare.run_stream(&work, ReaderStream::with_capacity(tar, 256 * 1024)).await?;
        let took = begun.elapsed();
        std::fs::remove_dir_all(&to)?;
        Ok(took)
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn command(folder: &Path, words: &[&str]) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder)
        .args(["-c", "user.name=bench", "-c", "user.email=bench@bench.example"])
        // Noise does not get smaller: that is not what is measured.
        .args(["-c", "core.compression=0", "-c", "gc.auto=0", "-c", "pack.window=0"])
        .args(words)
        .stdin(Stdio::null());
    git
}

async fn git(folder: &Path, words: &[&str]) -> Result<(), Error> {
    let output = command(folder, words).output().await?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Error::Unexpected(format!("git {words:?}: {said}")))
}

/// One request, handed to `git http-backend` as CGI has it.
async fn serve(mut socket: TcpStream, root: PathBuf) -> std::io::Result<()> {
    let (read, mut write) = socket.split();
    let mut read = BufReader::new(read);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if read.read_line(&mut line).await? == 0 || line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        let found = head.iter().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        });
        found.unwrap_or_default()
    };
    let mut words = head.first().map(String::as_str).unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    read.read_exact(&mut body).await?;
    let mut backend = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("CONTENT_TYPE", header("content-type"))
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .envs([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "uploadpack.allowFilter")])
        .env("GIT_CONFIG_VALUE_0", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = backend.stdin.take() {
        input.write_all(&body).await?;
    }
    let Some(out) = backend.stdout.take() else { return Ok(()) };
    let mut out = BufReader::with_capacity(256 * 1024, out);
    let (mut status, mut headers) = ("200 OK".to_owned(), String::new());
    loop {
        let mut line = String::new();
        if out.read_line(&mut line).await? == 0 || line.trim().is_empty() {
            break;
        }
        match line.strip_prefix("Status: ") {
            Some(other) => other.trim().clone_into(&mut status),
            None => headers += &line,
        }
    }
    let begin = format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\n\r\n");
    write.write_all(begin.as_bytes()).await?;
    tokio::io::copy_buf(&mut out, &mut write).await?;
    write.shutdown().await
}
