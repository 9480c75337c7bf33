//! The templates that are part of the executable: the folders of `/templates`.

use super::Parts;

/// A file of a template, by its path from the top of the repository.
macro_rules! text {
    ($path:literal) => {
        include_str!(concat!("../../../../templates/", $path))
    };
}

/// All of them, by name.
pub(super) fn all() -> [(&'static str, Parts); 3] {
    [
        (
            "nodejs",
            parts(
                text!("nodejs/template.toml"),
                text!("nodejs/Dockerfile"),
                &[
                    ("package.json", text!("nodejs/context/package.json")),
                    ("server.js", text!("nodejs/context/server.js")),
                ],
            ),
        ),
        (
            "python-fastapi",
            parts(
                text!("python-fastapi/template.toml"),
                text!("python-fastapi/Dockerfile"),
                &[
                    ("main.py", text!("python-fastapi/context/main.py")),
                    ("requirements.txt", text!("python-fastapi/context/requirements.txt")),
                ],
            ),
        ),
        (
            "python-flask",
            parts(
                text!("python-flask/template.toml"),
                text!("python-flask/Dockerfile"),
                &[
                    ("app.py", text!("python-flask/context/app.py")),
                    ("requirements.txt", text!("python-flask/context/requirements.txt")),
                ],
            ),
        ),
    ]
}

fn parts(manifest: &str, dockerfile: &str, files: &[(&str, &str)]) -> Parts {
    let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
    Parts {
        manifest: manifest.to_owned(),
        dockerfile: dockerfile.to_owned(),
        files: files.iter().map(owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn are_the_folders_of_the_repository_and_nothing_is_forgotten() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates");
        let found = super::super::folder::read(&folder).unwrap();
        let known = all();
        assert_eq!(found.len(), known.len());
        for ((name, parts), (known_name, known)) in found.into_iter().zip(known) {
            assert_eq!(name, known_name);
            assert_eq!(parts.unwrap().files, known.files, "{name}");
        }
    }
}
