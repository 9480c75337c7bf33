//! Images on the host: naming them, looking for them, taking their names away.

use bollard::body_full;
use bollard::errors::Error;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};
use bytes::Bytes;
use futures::TryStreamExt as _;
use slipway_domain::{Failure, ImageRef};

use super::attend::Heard;
use super::wire::WireError;
use super::{Engine, faults};

/// A tar of nothing: its end, two blocks of zeros.
static NOTHING: [u8; 1024] = [0; 1024];

/// An image on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageInfo {
    /// Its id on the host, `sha256:…`. This is not its digest in a registry.
    pub id: String,
    /// Bytes that its layers have on the host's disk, those shared with other images
    /// included; 0 where the host does not tell.
    pub bytes: u64,
}

impl Engine {
    /// Gives an image a further name. `from` is a name or an id. A name that another image
    /// has goes to this one.
    ///
    /// # Errors
    /// [`ImageLost`](slipway_domain::Reason::ImageLost) when `from` is not there, and what can
    /// be wrong with a host.
    pub async fn tag(&self, from: &str, to: &ImageRef) -> Result<(), Failure> {
        self.give_name(from, &to.repository(), to.tag(), to).await
    }

    /// Gives an image the name that stands for it on this host, `repository:tag`.
    ///
    /// # Errors
    /// As of [`Engine::tag`].
    pub async fn tag_local(&self, from: &ImageRef, local: &str) -> Result<(), Failure> {
        let (repository, tag) = split(local);
        self.give_name(&from.to_string(), repository, tag, from).await
    }

    async fn give_name(
        &self,
        from: &str,
        repository: &str,
        tag: &str,
        image: &ImageRef,
    ) -> Result<(), Failure> {
        let options = TagImageOptionsBuilder::new().repo(repository).tag(tag).build();
        let tagging = async {
            let done = self.host.docker.tag_image(from, Some(options)).await;
            done.map_err(|error| match error {
                error if is_missing(&error) => faults::image_lost(&self.host, image),
                error => self.fault(error.into()),
            })
        };
        self.host.attended(&Heard::default(), tagging).await
    }

    /// Takes one name away; the image goes with its last name, and the build cache stays. A
    /// name that is not there is as good as taken away.
    ///
    /// # Errors
    /// What can be wrong with a host.
    pub async fn untag(&self, reference: &str) -> Result<(), Failure> {
        // Without force an engine keeps the last name of an image that a stopped container
        // was made from. The name is ours; with it, only the name is lost to the container.
        // Without noprune it takes the image's untagged parents along, and these are the
        // classic builder's cache.
        let options = RemoveImageOptionsBuilder::new().force(true).noprune(true).build();
        let removing = async {
            match self.host.docker.remove_image(reference, Some(options), None).await {
                Ok(_) => Ok(()),
                Err(error) if is_missing(&error) => Ok(()),
                Err(error) => Err(self.fault(error.into())),
            }
        };
        self.host.attended(&Heard::default(), removing).await
    }

    /// Takes a name of ours away that may stand for an image that is gone. An engine that loses
    /// an image while it names it keeps the name: it neither shows it nor lets it be removed, and
    /// the next build of the same content is found under it and stays for its sake.
    ///
    /// # Errors
    /// What can be wrong with a host.
    pub async fn free_name(&self, local: &str) -> Result<(), Failure> {
        // What an engine does not find it can still give to another image: an empty one, which
        // is nobody else's.
        let (repository, tag) = split(local);
        let options =
            CreateImageOptionsBuilder::new().from_src("-").repo(repository).tag(tag).build();
        let importing = async {
            let body = body_full(Bytes::from_static(&NOTHING));
            let said = self.host.docker.create_image(Some(options), Some(body), None);
            let done = said.try_for_each(|_| std::future::ready(Ok(()))).await;
            done.map_err(|error| self.fault(error.into()))
        };
        self.host.attended(&Heard::default(), importing).await?;
        self.untag(local).await
    }

    /// The image that has this name or id; `None` when there is none.
    ///
    /// # Errors
    /// What can be wrong with a host.
    pub async fn image(&self, reference: &str) -> Result<Option<ImageInfo>, Failure> {
        let looking = async {
            match self.host.docker.inspect_image(reference).await {
                Ok(image) => Ok(Some(image)),
                Err(error) if is_missing(&error) => Ok(None),
                Err(error) => Err(self.fault(error.into())),
            }
        };
        let found = self.host.attended(&Heard::default(), looking).await?;
        let Some(image) = found else { return Ok(None) };
        let garbled = || WireError::Garbled("it names no id of an image".to_owned());
        let id = image.id.ok_or_else(|| self.fault(garbled()))?;
        let bytes = image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
        Ok(Some(ImageInfo { id, bytes }))
    }

    /// The id of the image that has this name or id; `None` when there is none.
    ///
    /// # Errors
    /// What can be wrong with a host.
    pub async fn image_id(&self, reference: &str) -> Result<Option<String>, Failure> {
        Ok(self.image(reference).await?.map(|image| image.id))
    }

    fn fault(&self, error: WireError) -> Failure {
        faults::host(&self.host, error)
    }
}

/// Repository and tag of a name that we gave.
fn split(local: &str) -> (&str, &str) {
    local.rsplit_once(':').unwrap_or((local, "latest"))
}

fn is_missing(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}
