//! A Dockerfile and the files of text that come beside it.

use std::collections::{BTreeMap, BTreeSet};

use super::path::inside;
use crate::{DockerfilePath, FieldError};

const MAX_DOCKERFILE_BYTES: usize = 1024 * 1024;
/// All of them together: they are kept in the build's row.
const MAX_BYTES: usize = 4 * 1024 * 1024;
const MAX_FILES: usize = 500;
/// Of a path, in an error.
const MAX_SHOWN: usize = 100;

pub(super) fn check(
    content: &str,
    files: &BTreeMap<String, String>,
    dockerfile: &DockerfilePath,
) -> Result<(), FieldError> {
    if content.trim().is_empty() {
        return Err(
            FieldError::new("source.content", "is empty").hint("put the Dockerfile's text there")
        );
    }
    if content.len() > MAX_DOCKERFILE_BYTES {
        return Err(FieldError::new("source.content", "is larger than 1 MiB")
            .hint("upload a build context instead"));
    }
    let refuse = |message: String| Err(FieldError::new("source.files", message));
    if files.len() > MAX_FILES || files.values().map(String::len).sum::<usize>() > MAX_BYTES {
        return refuse("has more than 500 files or 4 MiB".into())
            .map_err(|error| error.hint("upload a build context instead"));
    }
    let mut places = BTreeSet::new();
    for path in files.keys() {
        let place = inside(path).map_err(|astray| {
            let named: String = path.chars().take(MAX_SHOWN).collect();
            let why = astray.within("the build context", "conf/app.toml");
            FieldError::new("source.files", format!("has {named:?}, which {why}"))
        })?;
        let Some(place) = place else {
            return refuse(format!("has {path:?}, which names no file"));
        };
        if place == dockerfile.as_str() {
            return refuse(format!("has {place:?}, which is the Dockerfile"))
                .map_err(|error| error.hint("its text belongs into source.content"));
        }
        if !places.insert(place.clone()) {
            return refuse(format!("has {place:?} in two spellings"));
        }
    }
    // In order, whatever is below a file follows it, but not at once: `a`, `a.b`, `a/b`.
    let all = places.iter().map(String::as_str).chain([dockerfile.as_str()]);
    for path in all {
        let above = path.match_indices('/').map(|(end, _)| &path[..end]);
        if let Some(file) =
            above.into_iter().find(|f| places.contains(*f) || *f == dockerfile.as_str())
        {
            return refuse(format!("has {path:?} below {file:?}, which is a file"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(paths: &[&str]) -> Result<(), FieldError> {
        let files = paths.iter().map(|path| ((*path).to_owned(), String::new())).collect();
        check("FROM scratch", &files, &DockerfilePath::default())
    }

    #[test]
    fn files_stay_inside_and_apart() {
        checked(&["a", "a.b", "b/c", "./d", "b/d"]).unwrap();
        for bad in [
            &["../a"][..],
            &["/a"],
            &[""],
            &["a", "./a"],
            &["a", "a.b", "a/b"],
            &["Dockerfile"],
            &["./Dockerfile"],
            &["Dockerfile/x"],
        ] {
            let error = checked(bad).unwrap_err();
            assert_eq!(error.field, "source.files", "{bad:?}");
            // The last one is what is wrong.
            let named = format!("{:?}", bad.last().unwrap());
            let place = named.replace("./", "");
            assert!(error.message.contains(&named) || error.message.contains(&place), "{error:?}");
        }
    }

    #[test]
    fn a_dockerfile_has_text() {
        let none = BTreeMap::new();
        let error = check(" \n", &none, &DockerfilePath::default()).unwrap_err();
        assert_eq!(error.field, "source.content");
    }
}
