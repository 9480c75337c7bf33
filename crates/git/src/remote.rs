//! A repository elsewhere, with all that it takes to reach it.

use slipway_domain::{Failure, GitUrl, Reason};
use slipway_ssh::SshKey;

use crate::complaint::Complaint;
use crate::environment::{Settings, is_installed};
use crate::failure::{internal, shown_location};
use crate::login::{Access, Server};
use crate::program::{self, Ran, missing};
use crate::repository::Repository;
use crate::scrub::Scrub;
use crate::session::Session;
use crate::ssh;

/// The longest time to connect by SSH. The limit of silence may end it sooner.
const CONNECT_SECONDS: u64 = 30;

/// A repository whose address was checked: it is dialled there, whatever its name resolves
/// to later.
pub(crate) struct Remote {
    pub(crate) url: GitUrl,
    settings: Settings,
    has_login: bool,
    scrub: Scrub,
    /// What ssh finds for as long as this is there.
    _files: Option<ssh::Files>,
}

/// The key, ready to sign. The door refuses those that cannot, unless it is of another release.
fn ssh_key(access: &Access) -> Result<Option<SshKey>, Failure> {
    let Some(key) = &access.ssh_key else { return Ok(None) };
    let parsed = SshKey::parse(key.expose()).map_err(|problem| {
        Failure::new(Reason::SourceDenied, format!("the ssh key {problem}")).hint(problem.hint())
    });
    parsed.map(Some)
}

impl Remote {
    /// Resolves and checks the host, once for all runs of git.
    pub(crate) async fn reach(
        session: &Session<'_>,
        url: &GitUrl,
        access: &Access,
    ) -> Result<Self, Failure> {
        let no_host = || Failure::new(Reason::AddressRefused, format!("{url} has no host"));
        let server = Server::of(url).ok_or_else(no_host)?;
        let resolved = session.guard.resolve(&server.host, server.port).await;
        let addresses = resolved.map_err(|error| error.failure())?;
        let mut scrub = Scrub::default();
        access.hide(&server.host, &mut scrub);
        let mut settings = Settings { dials: true, ..Settings::default() };
        let has_login = access.fits(url.is_ssh());
        let mut files = None;
        if url.is_ssh() {
            if !is_installed("ssh") {
                return Err(missing("ssh"));
            }
            // There is at least one.
            let address = addresses.first().ok_or_else(no_host)?.ip();
            let known = session.what.known_hosts.as_deref().unwrap_or_default();
            let number = session.next_number();
            let folder = session.environment.folder();
            let put = ssh::Files::put(folder, number, ssh_key(access)?, known);
            let put = put.map_err(|error| internal("the ssh agent cannot listen", &error))?;
            let timeout = session.watch.limits.idle.as_secs().clamp(1, CONNECT_SECONDS);
            settings.ssh = Some(ssh::command(&server, address, &put, timeout));
            files = Some(put);
        } else {
            let list: Vec<String> = addresses
                .iter()
                .map(|address| match address.ip() {
                    std::net::IpAddr::V4(ip) => ip.to_string(),
                    std::net::IpAddr::V6(ip) => format!("[{ip}]"),
                })
                .collect();
            let idle = session.watch.limits.idle.as_secs().max(1);
            settings.pairs = vec![
                // For any name: how curl spells the host before it looks is its own affair
                // (a dot at the end, an address in octal), and there is no other host.
                ("http.curloptResolve".to_owned(), format!("*:{}:{}", server.port, list.join(","))),
                ("http.lowSpeedLimit".to_owned(), "1".to_owned()),
                ("http.lowSpeedTime".to_owned(), idle.to_string()),
            ];
            if let Some(header) = access.header(&server.host) {
                settings.pairs.push((format!("http.{}.extraHeader", server.origin()), header));
            }
        }
        Ok(Self { url: url.clone(), settings, has_login, scrub, _files: files })
    }

    /// Runs git with this remote, whose address follows `before` in its arguments, and gives
    /// each line of its output to `take`.
    pub(crate) async fn run(
        &self,
        session: &Session<'_>,
        repository: &Repository,
        before: &[&str],
        after: &[&str],
        take: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Result<(), Complaint>, Failure> {
        let ran = self.once(session, repository, &self.settings, before, after, take).await?;
        if ran.success {
            return Ok(Ok(()));
        }
        tracing::debug!(url = %self.url, said = ?self.scrubbed(&ran), "git failed");
        let mut complaint = Complaint::of(&ran.complaints, &self.scrub);
        if let Complaint::Redirect { to } = &mut complaint {
            *to = self.redirect(session, repository).await?;
        }
        Ok(Err(complaint))
    }

    /// The failure that a complaint of this remote is.
    pub(crate) fn failure(&self, complaint: &Complaint) -> Failure {
        complaint.failure(self.url.as_str(), self.has_login)
    }

    async fn once(
        &self,
        session: &Session<'_>,
        repository: &Repository,
        settings: &Settings,
        before: &[&str],
        after: &[&str],
        take: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Ran, Failure> {
        let mut git = session.environment.leashed(repository.path(), settings);
        git.args(before).arg("--").arg(self.url.as_str()).args(after);
        program::run(git, self.url.as_str(), &session.watch, b"\n", take).await
    }

    /// Whether what answers is a page for people.
    pub(crate) async fn is_page(
        &self,
        session: &Session<'_>,
        repository: &Repository,
    ) -> Result<bool, Failure> {
        if self.url.is_ssh() {
            return Ok(false);
        }
        let kind = self.header(session, repository, "content-type").await?;
        Ok(kind.is_some_and(|kind| kind.to_lowercase().contains("html")))
    }

    /// Where the server redirects to.
    async fn redirect(
        &self,
        session: &Session<'_>,
        repository: &Repository,
    ) -> Result<Option<String>, Failure> {
        let location = self.header(session, repository, "location").await?;
        Ok(location
            .and_then(|location| shown_location(self.url.as_str(), &location))
            .map(|shown| self.scrub.line(&shown)))
    }

    /// A header of the server's last answer. Git does not tell them, so it is asked to.
    async fn header(
        &self,
        session: &Session<'_>,
        repository: &Repository,
        name: &str,
    ) -> Result<Option<String>, Failure> {
        let settings = Settings { tells_headers: true, ..self.settings.clone() };
        let ran =
            self.once(session, repository, &settings, &["ls-remote"], &[], &mut |_| {}).await?;
        let start = format!("recv header: {name}: ");
        let value = ran.complaints.iter().rev().find_map(|line| {
            let at = line.to_lowercase().find(&start)?;
            line.get(at + start.len()..)
        });
        Ok(value.map(|value| value.trim().to_owned()))
    }

    fn scrubbed(&self, ran: &Ran) -> Vec<String> {
        ran.complaints.iter().map(|line| self.scrub.line(line)).collect()
    }
}
