//! An archive that is fetched over HTTP.

use slipway_context::{ContextOptions, Strip};
use slipway_domain::{ArchiveUrl, Failure, Reason, Secret, Sha256, SubDir};
use slipway_outbound::SecretHeader;
use url::Url;

use super::download::{self, Wanted};
use super::{Opened, Order};
use crate::run::Broken;

pub(super) async fn open<'a>(
    order: Order<'a>,
    url: &ArchiveUrl,
    sha256: Option<&Sha256>,
    subdir: Option<&SubDir>,
) -> Result<Opened<'a>, Broken> {
    let secrets = order.secrets;
    let whole = secrets.url.as_ref().map_or(url.as_str(), Secret::expose);
    let wanted = Wanted {
        url: Url::parse(whole).map_err(|_| unusable("its address is none"))?,
        login: secrets.login.clone(),
        headers: headers(order)?,
        sha256: sha256.cloned(),
    };
    let options = ContextOptions { strip: Strip::SingleTopFolder, ..order.options(subdir) };
    download::open(order, wanted, options).await
}

fn headers(order: Order<'_>) -> Result<Vec<SecretHeader>, Failure> {
    let bearer = order.secrets.token.as_ref().map(download::bearer);
    let named = order.secrets.headers.iter().map(|(name, value)| SecretHeader::new(name, value));
    bearer.into_iter().chain(named).collect::<Result<_, _>>().map_err(|error| {
        Failure::new(Reason::SourceError, format!("the archive cannot be asked for: {error}"))
            .hint("correct source.auth")
    })
}

fn unusable(problem: &str) -> Failure {
    Failure::new(Reason::SourceError, format!("the archive cannot be asked for: {problem}"))
}
