//! What went wrong with git, in words for whoever sent the request.

use slipway_domain::{Failure, Reason};
use slipway_outbound::show_url;
use url::Url;

use crate::complaint::Complaint;

/// A fault of ours: the cause goes to the log and not to the user.
pub(crate) fn internal(what: &str, cause: &dyn std::error::Error) -> Failure {
    tracing::error!(error = %cause, "{what}");
    Failure::new(Reason::Internal, what)
}

/// The place that a redirect names, as it may be shown, without what git adds to it.
pub(crate) fn shown_location(asked: &str, location: &str) -> Option<String> {
    let to = Url::parse(asked).ok()?.join(location).ok()?;
    let shown = show_url(&to);
    Some(shown.strip_suffix("/info/refs").unwrap_or(&shown).to_owned())
}

impl Complaint {
    /// The failure of a build that wants the repository at `url`. `login` is whether one was
    /// sent there.
    pub(crate) fn failure(&self, url: &str, login: bool) -> Failure {
        let (reason, message) = self.words(url, login);
        let failure = Failure::new(reason, message);
        match self.hint(login) {
            "" => failure,
            hint => failure.hint(hint),
        }
    }

    fn words(&self, url: &str, login: bool) -> (Reason, String) {
        match self {
            Self::Denied if login => (Reason::SourceDenied, format!("{url} refused the login")),
            Self::Denied => (Reason::SourceDenied, format!("{url} wants a login")),
            Self::KeyRefused if login => {
                (Reason::SourceDenied, format!("{url} refused the ssh key"))
            }
            Self::KeyRefused => (Reason::SourceDenied, format!("{url} wants an ssh key")),
            Self::NoRepository => {
                (Reason::SourceNotFound, format!("there is no repository at {url}"))
            }
            Self::Page => (
                Reason::SourceNotFound,
                format!("what answers at {url} is a page of HTML, no repository"),
            ),
            Self::NoSuchRef => {
                (Reason::SourceNotFound, format!("{url} does not have what was asked for"))
            }
            Self::NoCommit => {
                (Reason::SourceNotFound, format!("what was asked for at {url} is no commit"))
            }
            Self::NotOffered => {
                (Reason::SourceNotFound, format!("{url} does not give away that commit"))
            }
            Self::Redirect { to: Some(to) } => {
                (Reason::SourceError, format!("{url} redirects to {to}"))
            }
            Self::Redirect { to: None } => {
                (Reason::SourceError, format!("{url} redirects to another address"))
            }
            Self::Status(429) => (
                Reason::SourceError,
                format!(
                    "{url} takes no more requests for now: it limits how many may come (status 429)"
                ),
            ),
            Self::Status(status) => {
                (Reason::SourceError, format!("{url} answered with status {status}"))
            }
            Self::Unreachable(why) => {
                (Reason::SourceUnreachable, format!("{url} does not answer: {why}"))
            }
            Self::Tls(why) => {
                (Reason::SourceUnreachable, format!("{url} cannot be fetched safely: {why}"))
            }
            Self::NoTls => (
                Reason::SourceUnreachable,
                format!("{url} cannot be fetched safely: it does not speak tls at that port"),
            ),
            Self::HostKeyUnknown => {
                (Reason::SourceUnreachable, format!("the host key of {url} is not known"))
            }
            Self::HostKeyOther => (
                Reason::SourceUnreachable,
                format!("the host key of {url} is another than the known one"),
            ),
            Self::TooSlow => (Reason::SourceError, format!("{url} is too slow")),
            Self::BrokeOff => (Reason::SourceError, format!("{url} broke off")),
            Self::Dumb => (
                Reason::SourceError,
                format!("{url} is a folder of files, from which no single commit can be fetched"),
            ),
            Self::Unsafe(why) => {
                (Reason::ContextUnsafe, format!("{url} holds what git takes for an attack: {why}"))
            }
            Self::DiskFull => (Reason::Internal, "the disk of the worker is full".to_owned()),
            Self::NoTransport => {
                (Reason::Internal, format!("git on the worker cannot fetch from {url}"))
            }
            Self::OtherFormat => {
                (Reason::SourceError, format!("{url} names its objects in a form git cannot read"))
            }
            Self::Other(line) => (Reason::SourceError, format!("{url} cannot be fetched: {line}")),
        }
    }

    const fn hint(&self, login: bool) -> &'static str {
        match self {
            Self::Denied if login => {
                "check the login or token, and that it may read this repository"
            }
            Self::Denied => {
                "give a login or token with the source; some servers say this also of \
                 repositories that do not exist"
            }
            Self::KeyRefused if login => {
                "check that the key may read this repository, and the user in the address"
            }
            Self::KeyRefused => "give the private key of a login with the source",
            Self::NoRepository => {
                "check the address; some servers say this also of what the login may not read"
            }
            Self::Page => {
                "name the address that git clone takes, without what a browser adds to it"
            }
            Self::NoSuchRef | Self::NoCommit | Self::NotOffered => {
                "name a branch, a tag, or a whole commit that is on one"
            }
            Self::Redirect { .. } => "redirects are not followed: name the new address",
            Self::Status(429) if login => "submit again later",
            Self::Status(429) => {
                "submit again later, or give a login or token: many servers let those with one ask \
                 more often"
            }
            Self::Status(500..=599) => "that server is in trouble: submit again later",
            Self::Status(_) => "try it as slipway does: git ls-remote, without a login of your own",
            Self::Unreachable(_) => {
                "check host and port, and that the machines of slipway may connect to them"
            }
            Self::NoTls => {
                "check the port, and whether the address begins with http rather than https"
            }
            Self::Tls(_) => {
                "the certificate has to be of an authority that the machines of slipway trust, \
                 and of this host"
            }
            Self::HostKeyUnknown => {
                "give the line of ssh-keyscan for this host as known_hosts, after comparing it \
                 with what the host publishes; with a port other than 22 it begins with [host]:port"
            }
            Self::HostKeyOther => {
                "somebody may be in between; if the host has a new key, give that in known_hosts"
            }
            Self::TooSlow => "submit again later, or put the repository on a faster server",
            Self::BrokeOff => {
                "submit again; if it breaks off each time, something between that server and \
                 slipway ends the connection"
            }
            Self::Dumb => "serve the repository by git http-backend, or by ssh",
            Self::Unsafe(_) => {
                "git fsck in a clone names the object; rewrite the commit without it"
            }
            Self::DiskFull | Self::NoTransport => "whoever runs slipway has to look at its workers",
            Self::OtherFormat => "",
            Self::Other(_) => "try it as slipway does: git ls-remote, without a login of your own",
        }
    }
}
