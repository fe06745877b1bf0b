//! Files as an archive or a package brings them, and tar archives of them that depend on nothing else:
//! the same tree gives the same bytes on every machine.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context as _, Result, ensure};
use flate2::{Compression, GzBuilder};

/// Bytes of a tar block.
const BLOCK: usize = 512;

/// A regular file.
#[derive(Clone)]
pub struct File {
    pub bytes: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// Value of the extended attribute `security.capability`.
    pub capability: Option<Vec<u8>>,
}

/// Files by their path, without a leading slash. Directories follow from the paths.
#[derive(Clone, Default)]
pub struct Tree(BTreeMap<String, File>);

impl Tree {
    /// Adds a file with these permission bits.
    pub fn add(&mut self, path: impl Into<String>, mode: u32, bytes: impl Into<Vec<u8>>) {
        let file = File {
            bytes: bytes.into(),
            mode,
            capability: None,
        };
        self.0.insert(path.into(), file);
    }

    /// Gives a file capabilities.
    pub fn set_capability(&mut self, path: &str, value: Vec<u8>) {
        if let Some(file) = self.0.get_mut(path) {
            file.capability = Some(value);
        }
    }

    /// The files in the order of their paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &File)> {
        self.0.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// The directories of all files, each after the one that it is in.
    pub fn directories(&self) -> Vec<&str> {
        let mut directories: Vec<&str> = self
            .0
            .keys()
            .flat_map(|path| path.match_indices('/').filter_map(|(at, _)| path.get(..at)))
            .collect();
        directories.sort_unstable();
        directories.dedup();
        directories
    }

    /// The sum of all files, in bytes.
    pub fn bytes(&self) -> usize {
        self.0.values().map(|file| file.bytes.len()).sum()
    }

    /// A tar archive of the tree in which every path begins with `prefix`, every file belongs to root
    /// and was changed `epoch` seconds after 1970.
    ///
    /// # Errors
    /// A path or a number that no header holds.
    pub fn tar(&self, prefix: &str, epoch: u64) -> Result<Vec<u8>> {
        let mut tar = Vec::new();
        for directory in self.directories() {
            entry(
                &mut tar,
                &format!("{prefix}{directory}/"),
                b'5',
                0o755,
                &[],
                epoch,
            )?;
        }
        for (path, file) in self.files() {
            let path = format!("{prefix}{path}");
            if let Some(value) = &file.capability {
                let record = pax_record("SCHILY.xattr.security.capability", value);
                entry(&mut tar, "pax", b'x', 0o644, &record, epoch)?;
            }
            entry(&mut tar, &path, b'0', file.mode, &file.bytes, epoch)?;
        }
        tar.resize(tar.len() + 2 * BLOCK, 0);
        Ok(tar)
    }
}

/// `bytes` packed by gzip, without a name or a time.
///
/// # Errors
/// Does not fail in memory.
pub fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut packer = GzBuilder::new()
        .operating_system(255)
        .write(Vec::new(), Compression::best());
    packer.write_all(bytes)?;
    Ok(packer.finish()?)
}

/// "LENGTH KEY=VALUE\n", where the length counts itself.
fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    let mut record = format!("{length} {key}=").into_bytes();
    record.extend(value);
    record.push(b'\n');
    record
}

/// One header in the format ustar, and the content.
fn entry(
    tar: &mut Vec<u8>,
    path: &str,
    kind: u8,
    mode: u32,
    bytes: &[u8],
    epoch: u64,
) -> Result<()> {
    ensure!(path.len() < 100, "{path} is too long for a tar header");
    let mut header = [0_u8; BLOCK];
    let mut put = |at: usize, text: &[u8]| -> Result<()> {
        header
            .get_mut(at..at + text.len())
            .context("beyond the header")?
            .copy_from_slice(text);
        Ok(())
    };
    put(0, path.as_bytes())?;
    put(100, format!("{mode:07o}\0").as_bytes())?;
    put(108, b"0000000\x000000000\0")?;
    put(124, format!("{:011o}\0", bytes.len()).as_bytes())?;
    put(136, format!("{epoch:011o}\0").as_bytes())?;
    put(148, b"        ")?;
    put(156, &[kind])?;
    put(257, b"ustar\x0000root")?;
    put(297, b"root")?;
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header
        .get_mut(148..156)
        .context("beyond the header")?
        .copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend(header);
    tar.extend(bytes);
    tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::command;

    #[test]
    fn tar_reads_what_was_written() {
        let mut tree = Tree::default();
        tree.add("usr/bin/tool", 0o755, "binary");
        tree.add("etc/tool.toml", 0o644, vec![b'a'; 513]);
        tree.set_capability("usr/bin/tool", vec![1, 0, 0, 2]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.tar.gz");
        let packed = gzip(&tree.tar("./", 1_000_000_000).unwrap()).unwrap();
        std::fs::write(&file, packed).unwrap();
        let listing = command::output(
            Command::new("tar")
                .args(["--utc", "--xattrs", "--xattrs-include=*", "-tvvzf"])
                .arg(&file),
        )
        .unwrap();
        let lines: Vec<&str> = listing.lines().collect();
        assert_eq!(lines.len(), 5, "{listing}");
        assert!(
            lines.contains(&"-rw-r--r--  root/root       513 2001-09-09 01:46 ./etc/tool.toml")
        );
        // The asterisk: it has an extended attribute.
        assert!(lines.contains(&"-rwxr-xr-x* root/root         6 2001-09-09 01:46 ./usr/bin/tool"));
    }

    #[test]
    fn a_record_counts_its_own_length() {
        assert_eq!(pax_record("key", b"value"), b"13 key=value\n");
        let long = pax_record("k", &[b'v'; 94]);
        assert_eq!(long.len(), 101);
        assert!(long.starts_with(b"101 k="));
    }
}
