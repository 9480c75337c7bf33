//! Another reader's view of an archive, and a file system just good enough to unpack it on
//! and see whether anything leads out.

use std::collections::HashMap;
use std::io::Read as _;

use tar::EntryType;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: EntryType,
    pub(crate) path: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) data: Vec<u8>,
}

/// The entries of a clean tar, as the `tar` crate reads them.
pub(crate) fn entries(tar: &[u8]) -> Vec<Entry> {
    assert!(tar.ends_with(&[0; 1024]) && tar.len().is_multiple_of(512), "not a whole tar");
    tar::Archive::new(tar)
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let mut data = Vec::new();
            entry.read_to_end(&mut data).unwrap();
            Entry {
                kind: entry.header().entry_type(),
                path: entry.path_bytes().into_owned(),
                target: entry.link_name_bytes().unwrap_or_default().into_owned(),
                mode: entry.header().mode().unwrap(),
                data,
            }
        })
        .collect()
}

#[derive(Clone, PartialEq)]
enum Node {
    Other,
    Symlink(Vec<u8>),
}

/// Unpacks a clean tar the way docker does, link by link, and panics if that would touch
/// anything outside or leaves a symlink that points there.
pub(crate) fn assert_stays_inside(tar: &[u8]) {
    let mut nodes: HashMap<Vec<Vec<u8>>, Node> = HashMap::new();
    for entry in entries(tar) {
        let path = plain_parts(&entry.path);
        for above in 1..path.len() {
            let node = nodes.get(&path[..above]);
            assert!(!matches!(node, Some(Node::Symlink(_))), "behind a symlink: {entry:?}");
        }
        let node = match entry.kind.as_byte() {
            b'0' | b'5' => Node::Other,
            b'2' => Node::Symlink(entry.target),
            // link(2) resolves the folders of its first path, but not the last part.
            b'1' => {
                let original = plain_parts(&entry.target);
                let (last, folders) = original.split_last().unwrap();
                let mut real = resolve(&nodes, Vec::new(), folders).unwrap_or_default();
                real.push(last.clone());
                nodes.get(&real).cloned().unwrap_or(Node::Other)
            }
            _ => panic!("{:?} in a clean tar", entry.kind),
        };
        nodes.insert(path, node);
    }
    for path in nodes.keys() {
        resolve(&nodes, Vec::new(), path);
    }
}

/// The parts of a name that is to have only plain ones.
fn plain_parts(name: &[u8]) -> Vec<Vec<u8>> {
    let name = name.strip_suffix(b"/").unwrap_or(name);
    assert!(!name.iter().any(u8::is_ascii_control), "{name:?}");
    let parts: Vec<Vec<u8>> = name.split(|byte| *byte == b'/').map(<[u8]>::to_vec).collect();
    for part in &parts {
        assert!(!matches!(part.as_slice(), b"" | b"." | b".."), "{name:?}");
    }
    parts
}

/// Follows `path`, recursively and by the book. `None` in a circle.
fn resolve(
    nodes: &HashMap<Vec<Vec<u8>>, Node>,
    from: Vec<Vec<u8>>,
    path: &[Vec<u8>],
) -> Option<Vec<Vec<u8>>> {
    fn walk(
        nodes: &HashMap<Vec<Vec<u8>>, Node>,
        mut at: Vec<Vec<u8>>,
        path: &[Vec<u8>],
        hops: &mut u32,
    ) -> Option<Vec<Vec<u8>>> {
        for part in path {
            match part.as_slice() {
                b"" | b"." => {}
                b".." => assert!(at.pop().is_some(), "leads out: {path:?}"),
                _ => {
                    let mut here = at.clone();
                    here.push(part.clone());
                    if let Some(Node::Symlink(target)) = nodes.get(&here) {
                        assert!(!target.starts_with(b"/"), "leads out: {target:?}");
                        *hops += 1;
                        if *hops > 40 {
                            return None;
                        }
                        let parts: Vec<Vec<u8>> =
                            target.split(|byte| *byte == b'/').map(<[u8]>::to_vec).collect();
                        at = walk(nodes, at, &parts, hops)?;
                    } else {
                        at = here;
                    }
                }
            }
        }
        Some(at)
    }
    walk(nodes, from, path, &mut 0)
}
