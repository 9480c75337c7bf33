//! A failed fetch in words for whoever sent the request.

use std::fmt;

use slipway_domain::{Failure, Reason};

use super::error::{FetchError, FetchErrorKind as Kind, LoginSent};

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, at, kind } = self;
        match kind {
            Kind::BadUrl(why) => write!(f, "the address {at} {why}")?,
            Kind::Refused(refused) => write!(f, "{at} cannot be fetched: {refused}")?,
            Kind::Unresolved(why) => write!(f, "{at} cannot be fetched: {why}")?,
            Kind::Unreachable(why) => write!(f, "{at} does not answer: {why}")?,
            Kind::Tls(fault) => write!(f, "{at} cannot be fetched safely: {fault}")?,
            Kind::NotHttp => write!(f, "what answers at {at} is no http server")?,
            Kind::NotFound => write!(f, "{at} does not exist")?,
            Kind::Denied { login: LoginSent::Sent } => write!(f, "{at} refused the login")?,
            Kind::Denied { login: LoginSent::None | LoginSent::Withheld } => {
                write!(f, "{at} wants a login")?;
            }
            Kind::RateLimited { again } => {
                write!(f, "{at} takes no more requests for now: it limits how many may come")?;
                if let Some(again) = again {
                    write!(f, " (again {again})")?;
                }
            }
            Kind::Status(status) => write!(f, "{at} answered with status {status}")?,
            Kind::Redirect(fault) => write!(f, "{at} {fault}")?,
            Kind::Idle(time) => write!(f, "{at} sent nothing for {} s", time.as_secs_f64())?,
            Kind::TooSlow { bytes, within } => {
                write!(f, "{at} is too slow: {bytes} bytes came in {:.0} s", within.as_secs_f64())?
            }
            Kind::TimedOut(time) => {
                write!(f, "{at} was not fetched within {} s", time.as_secs_f64())?;
            }
            Kind::TooLarge { limit, announced: Some(bytes) } => {
                write!(f, "{at} has {bytes} bytes, more than the {limit} allowed")?;
            }
            Kind::TooLarge { limit, announced: None } => {
                write!(f, "{at} has more than the {limit} bytes allowed")?;
            }
            Kind::Cut { got, of: Some(of) } => {
                write!(f, "{at} broke off after {got} of {of} bytes")?;
            }
            Kind::Cut { got, of: None } => write!(f, "{at} broke off after {got} bytes")?,
        }
        if asked != at {
            write!(f, " ({asked} redirects there)")?;
        }
        Ok(())
    }
}

impl FetchError {
    /// The failure of a build whose source this was. Its stage is the caller's to say.
    #[must_use]
    pub fn failure(&self) -> Failure {
        Failure::new(self.reason(), self.to_string()).hint(self.hint())
    }

    const fn reason(&self) -> Reason {
        match self.kind {
            Kind::BadUrl(_) | Kind::Refused(_) => Reason::AddressRefused,
            Kind::Unresolved(_) | Kind::Unreachable(_) | Kind::Tls(_) => Reason::SourceUnreachable,
            Kind::NotFound => Reason::SourceNotFound,
            Kind::Denied { .. } => Reason::SourceDenied,
            Kind::TooLarge { .. } => Reason::ContextTooLarge,
            Kind::NotHttp
            | Kind::RateLimited { .. }
            | Kind::Status(_)
            | Kind::Redirect(_)
            | Kind::Idle(_)
            | Kind::TooSlow { .. }
            | Kind::TimedOut(_)
            | Kind::Cut { .. } => Reason::SourceError,
        }
    }

    fn hint(&self) -> String {
        let hint = match &self.kind {
            Kind::BadUrl(_) => {
                "give an address such as https://example.com/context.tar.gz, and a login in the \
                 fields for it"
            }
            Kind::Refused(refused) => return refused.hint(),
            Kind::Unresolved(_) => {
                "check the spelling of the host, and that the machines of slipway can resolve it"
            }
            Kind::Unreachable(_) => {
                "check host and port, and that the machines of slipway may connect to them"
            }
            Kind::Tls(fault) => fault.hint(),
            Kind::NotHttp => "check the port, and whether the address begins with https",
            Kind::NotFound => "check the address; some servers say this also of what needs a login",
            Kind::Denied { login: LoginSent::None } => "give a login with the source",
            Kind::Denied { login: LoginSent::Sent } => {
                "check the login of the source, and that it may read this address"
            }
            Kind::Denied { login: LoginSent::Withheld } => {
                "a login is sent to the server it was given for and to no other: name the \
                 address that it redirects to"
            }
            Kind::RateLimited { again: Some(again) } => {
                return format!(
                    "submit again {again}; many servers let those with a login ask more often"
                );
            }
            Kind::RateLimited { again: None } => {
                "submit again later; many servers let those with a login ask more often"
            }
            Kind::Status(500..=599) => "that server is in trouble: submit again later",
            Kind::Status(_) => "open the address as slipway does: curl -v, without cookies",
            Kind::Redirect(fault) => fault.hint(),
            Kind::Idle(_) | Kind::TooSlow { .. } | Kind::TimedOut(_) => {
                "submit again later, or put the file on a faster server"
            }
            Kind::TooLarge { .. } => {
                "leave out what the build does not need, or have the limit raised in the \
                 settings of slipway"
            }
            Kind::Cut { .. } => {
                "submit again; if it breaks off each time, something between that server and \
                 slipway ends the connection"
            }
        };
        hint.to_owned()
    }
}
