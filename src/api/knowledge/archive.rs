//! A folder as one body: the files of a tar archive (POSIX ustar, with long names of GNU and pax).
//!
//! Invariants: reading takes nothing on trust: lengths stay within the body, links and devices are left out; writing
//! is deterministic. Not here: what the files say.

const BLOCK: usize = 512;
/// Names that fit a header by themselves, bytes.
const SHORT_NAME: usize = 100;

/// A file of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    /// Its path within the folder.
    pub name: String,
    /// What it says.
    pub bytes: Vec<u8>,
}

/// Adds a file.
pub(super) fn put(archive: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    if name.len() > SHORT_NAME {
        let mut long = name.as_bytes().to_vec();
        long.push(0);
        entry(archive, "././@LongLink", b'L', &long);
    }
    entry(archive, name, b'0', bytes);
}

/// Ends an archive.
pub(super) fn end(archive: &mut Vec<u8>) {
    archive.resize(archive.len() + 2 * BLOCK, 0);
}

fn entry(archive: &mut Vec<u8>, name: &str, kind: u8, bytes: &[u8]) {
    let mut head = [0_u8; BLOCK];
    let size = format!("{:011o}", bytes.len());
    let fields: [(usize, &[u8]); 9] = [
        (
            0,
            name.as_bytes()
                .get(..name.len().min(SHORT_NAME))
                .unwrap_or_default(),
        ),
        (100, b"0000644"),
        (108, b"0000000"),
        (116, b"0000000"),
        (124, size.as_bytes()),
        (136, b"00000000000"),
        (148, b"        "),
        (156, &[kind]),
        (257, b"ustar\x0000"),
    ];
    for (at, value) in fields {
        for (slot, byte) in head.iter_mut().skip(at).zip(value) {
            *slot = *byte;
        }
    }
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    for (slot, byte) in head
        .iter_mut()
        .skip(148)
        .zip(format!("{sum:06o}\0 ").bytes())
    {
        *slot = byte;
    }
    archive.extend_from_slice(&head);
    archive.extend_from_slice(bytes);
    archive.resize(archive.len().div_ceil(BLOCK) * BLOCK, 0);
}

/// The files of an archive, in order; `None` when it is none.
pub(super) fn files(archive: &[u8]) -> Option<Vec<File>> {
    let (mut found, mut at, mut long) = (Vec::new(), 0, None::<String>);
    while let Some(head) = archive.get(at..at + BLOCK) {
        if head.iter().all(|byte| *byte == 0) {
            return Some(found);
        }
        let stated: u32 = octal(head.get(148..156)?)?.try_into().ok()?;
        let blank = 8 * u32::from(b' ');
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        let own: u32 = head
            .get(148..156)?
            .iter()
            .map(|byte| u32::from(*byte))
            .sum();
        if stated != sum - own + blank {
            return None;
        }
        let size = usize::try_from(octal(head.get(124..136)?)?).ok()?;
        let bytes = archive.get(at + BLOCK..at.checked_add(BLOCK)?.checked_add(size)?)?;
        match head.get(156)? {
            b'L' => long = Some(text(bytes)),
            b'x' => long = pax_path(bytes).or(long),
            b'0' | 0 => {
                let name = long.take().unwrap_or_else(|| {
                    let (prefix, name) = (
                        text(head.get(345..500).unwrap_or_default()),
                        text(head.get(..100).unwrap_or_default()),
                    );
                    let is_ustar = head.get(257..262) == Some(b"ustar");
                    if prefix.is_empty() || !is_ustar {
                        name
                    } else {
                        format!("{prefix}/{name}")
                    }
                });
                found.push(File {
                    name,
                    bytes: bytes.to_vec(),
                });
            }
            _ => long = None,
        }
        at += BLOCK + size.div_ceil(BLOCK) * BLOCK;
    }
    // A body that was cut off has no end.
    (at == archive.len() && !found.is_empty()).then_some(found)
}

fn octal(field: &[u8]) -> Option<u64> {
    let digits = text(field);
    let digits = digits.trim();
    if digits.is_empty() {
        Some(0)
    } else {
        u64::from_str_radix(digits, 8).ok()
    }
}

/// Up to the first zero byte.
fn text(field: &[u8]) -> String {
    let end = field
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(field.len());
    String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
}

/// The record `path` of an extended header: `LENGTH path=VALUE\n`.
fn pax_path(bytes: &[u8]) -> Option<String> {
    let records = std::str::from_utf8(bytes).ok()?;
    let path = records
        .lines()
        .find_map(|line| line.split_once(' ')?.1.strip_prefix("path="))?;
    Some(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_found() {
        let long = format!("{}.md", "长".repeat(50));
        let mut archive = Vec::new();
        put(&mut archive, "a.md", b"# one\n");
        put(&mut archive, &long, &[7; 513]);
        end(&mut archive);
        let found = files(&archive).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].name.as_str(), found[1].name.as_str()),
            ("a.md", long.as_str())
        );
        assert_eq!(
            (found[0].bytes.as_slice(), found[1].bytes.len()),
            (&b"# one\n"[..], 513)
        );
        assert_eq!(files(&archive[..700]), None);
        assert_eq!(files(b"# no archive at all"), None);
        archive[3] ^= 1;
        assert_eq!(files(&archive), None);
    }
}
