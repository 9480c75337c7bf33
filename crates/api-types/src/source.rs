//! Where the build context comes from, as it is asked for.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use slipway_domain::Secret;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::once::Once;

/// Where the build context comes from.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SourceRequest {
    /// A Dockerfile, with nothing but a few files of text beside it.
    Dockerfile {
        /// Its text, at most 1 MiB.
        #[schema(example = "FROM scratch\nCOPY hello /\n")]
        content: String,
        /// Text by path, at most 500 files and 4 MiB.
        #[schema(required = false, example = json!({"conf/app.toml": "port = 80\n"}))]
        files: BTreeMap<String, String>,
    },
    /// A context that was sent to `POST /api/v2/uploads` before.
    Upload {
        /// The id that the upload was answered with.
        id: Uuid,
    },
    /// An archive that is fetched: tar, plain or compressed by gzip, bzip2, xz or zstd, or zip.
    /// Its bytes tell which. A single folder at its top is stripped where the Dockerfile is not
    /// beside it.
    Archive {
        /// `http` or `https`. A login or a query in it is kept sealed and never shown.
        #[schema(example = "https://files.example/app-1.2.tar.gz")]
        url: String,
        /// SHA-256 of the archive, 64 hexadecimal digits.
        sha256: Option<String>,
        /// The folder of it that is the context.
        subdir: Option<String>,
        /// What it takes to get it.
        #[serde(skip_serializing)]
        auth: Option<SourceAuth>,
    },
    /// A commit of a repository, fetched by `git`.
    Git {
        /// `https://host/path.git`, `ssh://git@host/path.git` or `git@host:path`. A login in it
        /// is kept sealed and never shown.
        #[schema(example = "https://git.example/team/app.git")]
        url: String,
        /// A branch, tag, or commit, full or short; the repository's own choice where none is
        /// named.
        #[schema(example = "main")]
        r#ref: Option<String>,
        /// The folder of it that is the context.
        subdir: Option<String>,
        /// Fetch its submodules, too.
        #[schema(required = false)]
        submodules: bool,
        /// For `ssh`: lines as of OpenSSH's `known_hosts` with the host's keys.
        known_hosts: Option<String>,
        /// What it takes to get it.
        #[serde(skip_serializing)]
        auth: Option<SourceAuth>,
    },
    /// A commit of a repository on GitHub, fetched as an archive.
    Github {
        /// Whose.
        #[schema(example = "octo-org")]
        owner: String,
        /// Which.
        #[schema(example = "app")]
        repo: String,
        /// A branch, tag or commit; the default branch where none is named.
        #[schema(example = "v1.2")]
        r#ref: Option<String>,
        /// The folder of it that is the context.
        subdir: Option<String>,
        /// For a private one: a token that may read its contents.
        #[serde(skip_serializing)]
        #[schema(value_type = Option<String>, format = Password, write_only)]
        token: Option<Secret>,
    },
    /// An image that is there already: it is pulled and pushed, nothing is built.
    Image {
        /// Which.
        #[schema(example = "docker.io/library/busybox:1.36")]
        r#ref: String,
        /// Copy it with all its platforms, from registry to registry: what the target then has
        /// is the source's index, by the same digest. Not with `platform`, nor with `push`
        /// false.
        #[schema(required = false)]
        all_platforms: bool,
    },
    /// A template of `GET /api/v2/templates`: a Dockerfile and a sample application.
    Template {
        /// Which.
        #[schema(example = "python-flask")]
        name: String,
        /// What the application finds in its environment, at most 100 values and 16 KiB. It is
        /// in the image, for everybody who can pull it: no place for secrets.
        #[schema(required = false, example = json!({"GREETING": "hello"}))]
        environment: BTreeMap<String, String>,
        /// Text by path, over the sample files of the template: one with the path of a sample
        /// takes its place.
        #[schema(required = false, example = json!({"app.py": "from flask import Flask\napp = Flask(__name__)\n"}))]
        files: BTreeMap<String, String>,
    },
}

/// What it takes to get a source. Kept sealed, never shown, and erased when the build ends.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceAuth {
    /// A user's name, with a password.
    pub username: Option<String>,
    /// The password or token of the user.
    #[schema(value_type = Option<String>, format = Password, write_only)]
    pub password: Option<Secret>,
    /// A token in place of a login: as a bearer token for archives, as the password for git.
    #[schema(value_type = Option<String>, format = Password, write_only)]
    pub token: Option<Secret>,
    /// Headers for the request of an archive, by name.
    #[serde(default, deserialize_with = "crate::once::map")]
    #[schema(value_type = BTreeMap<String, String>, write_only)]
    pub headers: BTreeMap<String, Secret>,
    /// A private key for a repository by SSH, without a passphrase.
    #[schema(value_type = Option<String>, format = Password, write_only)]
    pub ssh_key: Option<Secret>,
}

/// Reads the fields one by one. The derived form of a tagged enum reads them into a buffer
/// first, and an error in there no longer knows which field it is about.
struct Fields;

/// All fields of all types, as they came.
#[derive(Default)]
struct Given {
    /// The names, in their order.
    names: Vec<String>,
    content: Option<String>,
    files: Option<BTreeMap<String, String>>,
    id: Option<Uuid>,
    url: Option<String>,
    sha256: Option<String>,
    subdir: Option<String>,
    reference: Option<String>,
    submodules: Option<bool>,
    all_platforms: Option<bool>,
    known_hosts: Option<String>,
    owner: Option<String>,
    repo: Option<String>,
    token: Option<Secret>,
    auth: Option<SourceAuth>,
    name: Option<String>,
    environment: Option<BTreeMap<String, String>>,
}

const TYPES: [&str; 7] = ["dockerfile", "upload", "archive", "git", "github", "image", "template"];

impl<'de> Deserialize<'de> for SourceRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

impl<'de> Visitor<'de> for Fields {
    type Value = SourceRequest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SourceRequest, A::Error> {
        let mut kind: Option<String> = None;
        let mut given = Given::default();
        while let Some(field) = map.next_key::<String>()? {
            if given.names.contains(&field) {
                return Err(A::Error::custom(format_args!("duplicate field `{field}`")));
            }
            match field.as_str() {
                "type" => kind = Some(map.next_value()?),
                "content" => given.content = map.next_value()?,
                "files" => given.files = map.next_value::<Option<_>>()?.map(|Once(files)| files),
                "id" => given.id = map.next_value()?,
                "url" => given.url = map.next_value()?,
                "sha256" => given.sha256 = map.next_value()?,
                "subdir" => given.subdir = map.next_value()?,
                "ref" => given.reference = map.next_value()?,
                "submodules" => given.submodules = map.next_value()?,
                "all_platforms" => given.all_platforms = map.next_value()?,
                "known_hosts" => given.known_hosts = map.next_value()?,
                "owner" => given.owner = map.next_value()?,
                "repo" => given.repo = map.next_value()?,
                "token" => given.token = map.next_value()?,
                "auth" => given.auth = map.next_value()?,
                "name" => given.name = map.next_value()?,
                "environment" => {
                    given.environment = map.next_value::<Option<_>>()?.map(|Once(values)| values);
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
            given.names.push(field);
        }
        // The type decides which fields there are, so it is looked at first.
        given.read(&kind.ok_or_else(|| A::Error::missing_field("type"))?)
    }
}

impl Given {
    fn read<E: serde::de::Error>(self, kind: &str) -> Result<SourceRequest, E> {
        match kind {
            "dockerfile" => {
                self.only(&["type", "content", "files"])?;
                Ok(SourceRequest::Dockerfile {
                    content: named("content", self.content)?,
                    files: self.files.unwrap_or_default(),
                })
            }
            "upload" => {
                self.only(&["type", "id"])?;
                Ok(SourceRequest::Upload { id: named("id", self.id)? })
            }
            "archive" => {
                self.only(&["type", "url", "sha256", "subdir", "auth"])?;
                Ok(SourceRequest::Archive {
                    url: named("url", self.url)?,
                    sha256: self.sha256,
                    subdir: self.subdir,
                    auth: self.auth,
                })
            }
            "git" => {
                self.only(&["type", "url", "ref", "subdir", "submodules", "known_hosts", "auth"])?;
                Ok(SourceRequest::Git {
                    url: named("url", self.url)?,
                    r#ref: self.reference,
                    subdir: self.subdir,
                    submodules: self.submodules.unwrap_or_default(),
                    known_hosts: self.known_hosts,
                    auth: self.auth,
                })
            }
            "github" => {
                self.only(&["type", "owner", "repo", "ref", "subdir", "token"])?;
                Ok(SourceRequest::Github {
                    owner: named("owner", self.owner)?,
                    repo: named("repo", self.repo)?,
                    r#ref: self.reference,
                    subdir: self.subdir,
                    token: self.token,
                })
            }
            "image" => {
                self.only(&["type", "ref", "all_platforms"])?;
                Ok(SourceRequest::Image {
                    r#ref: named("ref", self.reference)?,
                    all_platforms: self.all_platforms.unwrap_or_default(),
                })
            }
            "template" => {
                self.only(&["type", "name", "environment", "files"])?;
                Ok(SourceRequest::Template {
                    name: named("name", self.name)?,
                    environment: self.environment.unwrap_or_default(),
                    files: self.files.unwrap_or_default(),
                })
            }
            kind => Err(E::unknown_variant(kind, &TYPES)),
        }
    }

    /// Refuses a field that the source of this type does not have.
    fn only<E: serde::de::Error>(&self, known: &'static [&'static str]) -> Result<(), E> {
        let other = self.names.iter().find(|name| !known.contains(&name.as_str()));
        other.map_or(Ok(()), |other| Err(E::unknown_field(other, known)))
    }
}

fn named<T, E: serde::de::Error>(name: &'static str, value: Option<T>) -> Result<T, E> {
    value.ok_or_else(|| E::missing_field(name))
}
