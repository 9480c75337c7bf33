//! A web server before `git http-backend`, with the faults that a test wants.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use slipway_domain::GitUrl;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinHandle;

/// What a server does besides.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manners {
    /// The header without which it answers with status 401.
    pub(crate) authorization: Option<String>,
    /// Answers this and nothing else.
    pub(crate) answer: Option<String>,
    /// Takes requests and says nothing.
    pub(crate) hangs: bool,
    /// Hangs when it is asked for objects.
    pub(crate) hangs_at_pack: bool,
    /// Knows the first protocol only, where nobody gets what is not pointed to.
    pub(crate) is_old: bool,
}

/// A server, until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(root: &Path) -> Self {
        Self::with(root, Manners::default()).await
    }

    pub(crate) async fn with(root: &Path, manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (heard, root) = (Arc::clone(&asked), root.to_owned());
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (heard, root, manners) = (Arc::clone(&heard), root.clone(), manners.clone());
                tokio::spawn(async move { serve(socket, root, manners, heard).await });
            }
        });
        Self { address, asked, accepting }
    }

    pub(crate) fn url(&self, path: &str) -> GitUrl {
        self.url_at(&self.address.ip().to_string(), path)
    }

    /// The address by another name of the host.
    pub(crate) fn url_at(&self, host: &str, path: &str) -> GitUrl {
        GitUrl::parse(&format!("http://{host}:{}/{path}", self.address.port())).unwrap().0
    }

    /// The heads of all requests.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(socket: TcpStream, root: PathBuf, manners: Manners, heard: Arc<Mutex<Vec<String>>>) {
    let mut socket = BufReader::new(socket);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if socket.read_line(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    heard.lock().unwrap().push(head.clone());
    let post = head.starts_with("POST");
    if manners.hangs || manners.hangs_at_pack && post {
        std::future::pending::<()>().await;
    }
    let length: usize = header(&head, "content-length").map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.unwrap();
    let unasked = manners.authorization.is_some()
        && header(&head, "authorization") != manners.authorization.as_deref();
    let answer = if unasked {
        Some("HTTP/1.1 401 X\r\nwww-authenticate: Basic realm=\"r\"".to_owned())
    } else {
        manners.answer
    };
    if let Some(answer) = answer {
        let end = if answer.contains("\r\n\r\n") {
            ""
        } else {
            "\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        };
        let answer = answer + end;
        let _ = socket.write_all(answer.as_bytes()).await;
        return;
    }
    backend(socket, &root, &head, &body, manners.is_old).await;
}

async fn backend(
    mut socket: BufReader<TcpStream>,
    root: &Path,
    head: &str,
    body: &[u8],
    is_old: bool,
) {
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut cgi = Command::new("git");
    cgi.arg("http-backend")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("CONTENT_TYPE", header(head, "content-type").unwrap_or_default())
        .env("HTTP_CONTENT_ENCODING", header(head, "content-encoding").unwrap_or_default())
        // What hosting sites allow too.
        .envs([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "uploadpack.allowFilter")])
        .env("GIT_CONFIG_VALUE_0", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    if !is_old {
        cgi.env("GIT_PROTOCOL", header(head, "git-protocol").unwrap_or_default());
    }
    let mut child = cgi.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(body).await.unwrap();
    drop(input);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let (mut status, mut headers) = ("200 OK".to_owned(), String::new());
    loop {
        let mut line = String::new();
        if out.read_line(&mut line).await.unwrap() == 0 || line.trim().is_empty() {
            break;
        }
        match line.strip_prefix("Status: ") {
            Some(other) => other.trim().clone_into(&mut status),
            None => headers += &line,
        }
    }
    let begin = format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\n\r\n");
    if socket.write_all(begin.as_bytes()).await.is_ok() {
        let _ = tokio::io::copy(&mut out, &mut socket).await;
        let _ = socket.shutdown().await;
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}
