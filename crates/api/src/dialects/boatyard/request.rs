//! What boatyard's clients send as JSON.
//!
//! Go read it for the old service, and these are Go's manners: keys in any case, the last
//! of two equal ones wins, unknown ones are passed by, and null and empty text count as
//! absent.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use slipway_api_types::SourceRequest;
use slipway_domain::{Credentials, FieldError, Secret};

use super::envelope::{Refusal, field};
use crate::Api;
use crate::error::Error;
use crate::json;
use crate::receive::{Received, Receiving};

/// Decoded this much at a time: a multiple of four, which is where base64 can be cut.
const BASE64_PIECE: usize = 64 * 1024;

/// Clients leave the padding off now and then.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The fields of a request. Texts are borrowed from the body: one may be a whole archive.
#[derive(Default)]
pub(super) struct Fields<'a> {
    image_name: Loose<'a>,
    username: Loose<'a>,
    password: Loose<'a>,
    dockerfile: Loose<'a>,
    tar_file: Loose<'a>,
    tar_url: Loose<'a>,
    /// The same in an older spelling.
    tar_url_before: Loose<'a>,
    github: [Loose<'a>; 3],
}

/// The source that wins.
pub(super) enum Chosen<'a> {
    /// A Dockerfile alone.
    Dockerfile(String),
    /// An archive that came as a part of a form.
    Archive(Received),
    /// An archive in base64.
    Base64(Cow<'a, str>),
    /// What a worker fetches.
    Fetched(SourceRequest),
}

/// A value that should be text.
#[derive(Default)]
enum Loose<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    /// A number, a list or the like: an error only where the field is looked at.
    Other,
}

const GITHUB: [&str; 3] = ["github_username", "github_reponame", "github_tag"];

impl<'a> Fields<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Refusal> {
        if body.trim_ascii().is_empty() {
            return Err(Refusal::Insufficient);
        }
        serde_json::from_slice(body).map_err(|error| json::refused(body, &error).into())
    }

    pub(super) fn image(&self) -> Result<String, Refusal> {
        let image = self.image_name.text("image_name")?;
        image.map(str::to_owned).ok_or(Refusal::Insufficient)
    }

    /// Half a login is handed on as it is: the registry knows whether that is enough.
    pub(super) fn login(&self) -> Result<Option<Credentials>, Refusal> {
        let username = self.username.text("username")?;
        let password = self.password.text("password")?;
        Ok((username.is_some() || password.is_some()).then(|| Credentials {
            username: username.unwrap_or_default().to_owned(),
            password: Secret::from(password.unwrap_or_default().to_owned()),
        }))
    }

    /// The first source that is there, in the old service's order. An archive that came
    /// as a part of a form stands where `TarFile` does.
    pub(super) fn choose(self, archive: Option<Received>) -> Result<Chosen<'a>, Refusal> {
        if let Some(text) = self.dockerfile.text("dockerfile")? {
            return Ok(Chosen::Dockerfile(text.to_owned()));
        }
        if let Some(archive) = archive {
            return Ok(Chosen::Archive(archive));
        }
        if self.tar_file.text("TarFile")?.is_some()
            && let Loose::Text(text) = self.tar_file
        {
            return Ok(Chosen::Base64(text));
        }
        let address = self.tar_url.text("tar_url")?.or(self.tar_url_before.text("tarUrl")?);
        if let Some(url) = address {
            return Ok(Chosen::Fetched(archive_at(url)));
        }
        self.on_github().map(Chosen::Fetched)
    }

    fn on_github(&self) -> Result<SourceRequest, Refusal> {
        let [owner, repo, tag] = &self.github;
        let [owner, repo, tag] =
            [owner.text(GITHUB[0])?, repo.text(GITHUB[1])?, tag.text(GITHUB[2])?];
        if let (Some(owner), Some(repo), Some(tag)) = (owner, repo, tag) {
            return Ok(SourceRequest::Github {
                owner: owner.to_owned(),
                repo: repo.to_owned(),
                r#ref: Some(tag.to_owned()),
                subdir: None,
                token: None,
            });
        }
        let missing = GITHUB.into_iter().zip([owner, repo, tag]).filter(|(_, text)| text.is_none());
        match missing.map(|(name, _)| name).collect::<Vec<_>>().as_slice() {
            [first] | [first, _] => Err(field(
                first,
                "is missing; github_username, github_reponame and github_tag go together",
            )),
            _ => Err(Refusal::Insufficient),
        }
    }

    fn place(&mut self, key: &str) -> Option<&mut Loose<'a>> {
        Some(match key.to_ascii_lowercase().as_str() {
            "image_name" => &mut self.image_name,
            "username" => &mut self.username,
            "password" => &mut self.password,
            "dockerfile" => &mut self.dockerfile,
            "tarfile" => &mut self.tar_file,
            "tar_url" => &mut self.tar_url,
            "tarurl" => &mut self.tar_url_before,
            "github_username" => &mut self.github[0],
            "github_reponame" => &mut self.github[1],
            "github_tag" => &mut self.github[2],
            _ => return None,
        })
    }
}

/// Decodes an archive into the blob store, a piece at a time.
pub(super) async fn decode(api: &Api, text: &str) -> Result<Received, Refusal> {
    // base64(1) breaks its lines; where nothing does, nothing is copied.
    let text = match text.contains(|c: char| c.is_ascii_whitespace()) {
        true => Cow::Owned(text.split_ascii_whitespace().collect::<String>()),
        false => Cow::Borrowed(text),
    };
    let mut receiving = Receiving::new(api, api.limits.upload_bytes);
    for piece in text.as_bytes().chunks(BASE64_PIECE) {
        let taken = match BASE64.decode(piece) {
            Ok(bytes) => receiving.take(&bytes).await.map_err(|e| of_the_archive(e).into()),
            Err(_) => Err(field("TarFile", "is not base64")),
        };
        if let Err(refusal) = taken {
            receiving.abandon().await;
            return Err(refusal);
        }
    }
    Ok(receiving.finish().await.map_err(of_the_archive)?)
}

/// An error of an archive that was a field among others: it names the field.
pub(super) fn of_the_archive(error: Error) -> Error {
    if let Error::NotAnArchive { found } = error {
        FieldError::new("TarFile", found).into()
    } else if let Error::EmptyBody = error {
        FieldError::new("TarFile", "is empty").into()
    } else {
        error
    }
}

impl Loose<'_> {
    fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self {
            Self::Absent => Ok(None),
            Self::Text(text) => Ok((!text.is_empty()).then_some(text.as_ref())),
            Self::Other => Err(field(name, "must be a string")),
        }
    }
}

/// A login in the address is for the archive; `username` and `password` are the registry's.
fn archive_at(url: &str) -> SourceRequest {
    SourceRequest::Archive { url: url.to_owned(), sha256: None, subdir: None, auth: None }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Fields::default();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    match fields.place(&key) {
                        Some(place) => *place = map.next_value()?,
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

impl<'de> Deserialize<'de> for Loose<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Loose<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Loose::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Loose::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
                Ok(Loose::Text(Cow::Owned(text)))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Loose::Absent)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Loose::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Loose::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Loose::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Loose::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Loose::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Loose::Other)
            }
        }

        deserializer.deserialize_any(Any)
    }
}
