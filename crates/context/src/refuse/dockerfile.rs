//! A context without its Dockerfile, or with two.

use slipway_domain::{DockerfilePath, Reason};

use super::refused;
use crate::ContextError;
use crate::path::PathFault;
use crate::show::{LONGEST_SHOWN, shorter, shown};

pub(crate) fn dockerfile_is_folder(dockerfile: &DockerfilePath) -> ContextError {
    let message = format!("\"{dockerfile}\" in the build context is a folder, not a Dockerfile");
    refused(Reason::DockerfileMissing, message, "name the file in it as the build's dockerfile")
}

/// `top` are names at the top of the context, `likely` files called like a Dockerfile; `subdir`
/// is the folder of the source that is the context.
pub(crate) fn dockerfile_missing(
    dockerfile: &DockerfilePath,
    subdir: &[u8],
    top: &[Vec<u8>],
    more_at_top: bool,
    likely: &[Vec<u8>],
) -> ContextError {
    let names: Vec<String> = top.iter().map(|name| shorter(name, 40)).collect();
    let has = match (names.is_empty(), more_at_top) {
        (true, _) => "; it is empty".to_owned(),
        (false, false) => format!("; it has {}", names.join(", ")),
        (false, true) => format!("; it has {} and more", names.join(", ")),
    };
    let path = shorter(dockerfile.as_str().as_bytes(), LONGEST_SHOWN);
    let message = match subdir {
        [] => format!("the build context has no file \"{path}\"{has}"),
        subdir => format!(
            "the folder \"{}\" of the source, which subdir names, has no file \"{path}\"{has}",
            shown(subdir)
        ),
    };
    let hint = match (likely, top) {
        ([], _) if !subdir.is_empty() => {
            "correct subdir, or dockerfile, whose path starts at that folder".to_owned()
        }
        ([], _) => "add it to the archive; its path starts at the top of the archive".to_owned(),
        ([found, ..], [folder]) if is_in(found, folder, dockerfile.as_str().as_bytes()) => format!(
            "found it as {}: archive the folder from inside it, as in: tar -C {} -c .",
            shown(found),
            shown(folder),
        ),
        (found, _) => {
            let found: Vec<String> = found.iter().map(|path| shown(path)).collect();
            format!("found {}: set dockerfile to the one that is meant", found.join(", "))
        }
    };
    refused(Reason::DockerfileMissing, message, &hint)
}

/// Whether `found` is `folder/dockerfile`.
fn is_in(found: &[u8], folder: &[u8], dockerfile: &[u8]) -> bool {
    found.strip_prefix(folder).and_then(|rest| rest.strip_prefix(b"/")) == Some(dockerfile)
}

/// Nothing is below the folder that was to be the context.
pub(crate) fn no_folder(folder: &[u8]) -> ContextError {
    let message = format!("the source has no folder \"{}\", which subdir names", shown(folder));
    let hint = "correct subdir, whose path starts at the top of the source, or leave it out";
    refused(Reason::SourceNotFound, message, hint)
}

/// All that came is a file that is an archive by its name.
pub(crate) fn nested(archive: &[u8]) -> ContextError {
    let message =
        format!("the build context holds nothing but another archive, \"{}\"", shown(archive));
    refused(
        Reason::ContextNotAnArchive,
        message,
        "send what is inside it, not packed a second time",
    )
}

/// The folder that was asked for cannot be one.
pub(crate) fn subdir(subdir: &[u8], fault: PathFault) -> ContextError {
    let rule = match fault {
        PathFault::Absolute => "has an absolute path",
        PathFault::Leaves => "leaves the tree",
        PathFault::Control => "has a control character in its name",
        PathFault::TooLong => "has a name that is too long",
    };
    let message = format!("the folder \"{}\" to build in {rule}", shown(subdir));
    refused(Reason::ContextUnsafe, message, "name it from the top of the tree, as in: services/api")
}

/// One of the files beside the Dockerfile has its path.
pub(crate) fn dockerfile_twice(name: &[u8]) -> ContextError {
    let message = format!("the file \"{}\" has the path of the Dockerfile", shown(name));
    refused(Reason::ContextUnsafe, message, "leave it out: the Dockerfile is given on its own")
}

/// Two files have one path.
pub(crate) fn file_twice(name: &[u8]) -> ContextError {
    let message = format!("the file \"{}\" is there twice, in other words", shown(name));
    refused(Reason::ContextUnsafe, message, "leave one of the two out")
}

/// Lines are to be written into the Dockerfile, and it is another file's name.
pub(crate) fn dockerfile_is_link(name: &[u8]) -> ContextError {
    let message = format!(
        "the Dockerfile \"{}\" is a link, and arguments for every stage are written into it",
        shown(name)
    );
    refused(Reason::ContextUnsafe, message, "put the file itself in the link's place")
}

/// Lines are to be written into the Dockerfile, and it is too large to be read.
pub(crate) fn dockerfile_too_large(name: &[u8], most: u64) -> ContextError {
    let message = format!("the Dockerfile \"{}\" is larger than {most} bytes", shown(name));
    refused(Reason::ContextTooLarge, message, "put large texts into files of their own")
}
