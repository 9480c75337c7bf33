//! The address of a submodule that is given from that of its parent.

use slipway_domain::GitUrl;

/// Whether an address starts from the parent's.
pub(crate) fn is_relative(address: &str) -> bool {
    ["./", "../"].iter().any(|start| address.starts_with(start)) || matches!(address, "." | "..")
}

/// The address that `relative` means below `parent`, as git puts them together: each `../`
/// takes one part off the parent's path, which counts as a folder. `None` when it leads out
/// of the parent's host.
pub(crate) fn resolve(parent: &GitUrl, relative: &str) -> Option<String> {
    let parent = parent.as_str();
    let path_at = parent.find("://")? + 3;
    let path_at = path_at + parent.get(path_at..)?.find('/')?;
    let (place, path) = parent.split_at(path_at);
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    (!parts.is_empty()).then(|| format!("{place}/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_git_resolves_them() {
        for (parent, relative, whole) in [
            ("https://h.example/a/b.git", "../c.git", Some("https://h.example/a/c.git")),
            ("https://h.example/a/b.git/", "../c.git", Some("https://h.example/a/c.git")),
            ("https://h.example/a/b.git", "./c", Some("https://h.example/a/b.git/c")),
            ("https://h.example/a/b.git", "../../x/c", Some("https://h.example/x/c")),
            ("git@h.example:a/b.git", "../c", Some("ssh://git@h.example/a/c")),
            ("https://h.example/b.git", "../../c", None),
            ("https://h.example/b.git", "..", None),
        ] {
            let parent = GitUrl::parse(parent).unwrap().0;
            assert_eq!(resolve(&parent, relative).as_deref(), whole, "{relative}");
        }
        assert!(is_relative("../x") && is_relative("./x"));
        assert!(!is_relative(".../x") && !is_relative("https://h/x") && !is_relative("x"));
    }
}
