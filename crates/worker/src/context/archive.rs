//! An archive that is fetched over HTTP.

use slipway_context::{ContextOptions, OpenContext, Strip, stream_guarded};
use slipway_domain::{ArchiveUrl, Failure, Reason, Secret, Sha256, SubDir};
use slipway_outbound::SecretHeader;
use url::Url;

use super::Order;
use super::download::{self, Wanted};
use crate::run::Broken;

pub(super) async fn open(
    order: &Order<'_>,
    url: &ArchiveUrl,
    sha256: Option<&Sha256>,
    subdir: Option<&SubDir>,
) -> Result<OpenContext, Broken> {
    let secrets = order.secrets;
    let whole = secrets.url.as_ref().map_or(url.as_str(), Secret::expose);
    let wanted = Wanted {
        url: Url::parse(whole).map_err(|_| unusable("its address is none"))?,
        login: secrets.login.clone(),
        headers: headers(order)?,
        hashed: sha256.is_some(),
    };
    let spooled = download::fetch(order, wanted).await?;
    if let Some(expected) = sha256 {
        let got: String =
            spooled.sha256.iter().flatten().map(|byte| format!("{byte:02x}")).collect();
        if got != expected.as_str() {
            let message = format!(
                "the archive has the sha256 {got}, and {} was asked for",
                expected.as_str()
            );
            return Err(Failure::new(Reason::SourceChanged, message)
                .hint("see whether it was changed where it is, or correct source.sha256")
                .into());
        }
    }
    let options = ContextOptions { strip: Strip::SingleTopFolder, ..order.options(subdir) };
    Ok(stream_guarded(spooled.file, options))
}

fn headers(order: &Order<'_>) -> Result<Vec<SecretHeader>, Failure> {
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
