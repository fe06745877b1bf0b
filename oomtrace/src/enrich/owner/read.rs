//! Reads the small files in which engines say what their containers are called: bounded, and
//! without following links below the engine's own directory.

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

/// Largest file that is read; real ones have some 10 KiB, lists of many containers more.
const BYTES_MAX: u64 = 1 << 20;

/// Why a file says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// It is not there, or says nothing of this container.
    Nothing,
    /// It is there, but of no use.
    Useless(&'static str),
}

impl From<Errno> for Silence {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::NOTDIR => Self::Nothing,
            Errno::LOOP => Self::Useless("is a symbolic link"),
            Errno::ACCESS | Errno::PERM => Self::Useless("may not be read"),
            _ => Self::Useless("cannot be read"),
        }
    }
}

/// The file that `way` leads to from `directory`.
pub(super) fn read(directory: &Path, way: &[&str]) -> Result<Vec<u8>, Silence> {
    let path_only = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let (name, between) = way.split_last().ok_or(Silence::Nothing)?;
    let mut at: OwnedFd = rustix::fs::openat(CWD, directory, path_only, Mode::empty())?;
    for part in between {
        at = rustix::fs::openat(&at, *part, path_only | OFlags::NOFOLLOW, Mode::empty())?;
    }
    // NONBLOCK: what is no file must not be waited for.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = rustix::fs::openat(&at, *name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Silence::Useless("is no file"));
    }
    let mut bytes = Vec::new();
    let read = std::fs::File::from(file)
        .take(BYTES_MAX + 1)
        .read_to_end(&mut bytes);
    match read {
        Ok(length) if length as u64 > BYTES_MAX => Err(Silence::Useless("is too large")),
        Ok(_) => Ok(bytes),
        Err(_) => Err(Silence::Useless("cannot be read")),
    }
}

/// What it means that a file cannot be understood.
pub(super) const BROKEN: Silence = Silence::Useless("is no JSON of the known form");

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_small_files_below_the_directory_are_read() {
        let root = tempfile::TempDir::new().unwrap();
        let inside = root.path().join("state");
        fs::create_dir_all(inside.join("a/b")).unwrap();
        fs::write(inside.join("a/b/file"), "text").unwrap();
        fs::write(root.path().join("secret"), "secret").unwrap();
        symlink(root.path().join("secret"), inside.join("a/link")).unwrap();
        symlink(inside.join("a/b"), inside.join("a/c")).unwrap();
        symlink(&inside, root.path().join("moved")).unwrap();
        fs::write(inside.join("large"), vec![b' '; (1 << 20) + 1]).unwrap();
        rustix::fs::mknodat(CWD, inside.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();

        assert_eq!(read(&inside, &["a", "b", "file"]).unwrap(), b"text");
        // The directory itself may be reached over a link, nothing below it.
        assert_eq!(
            read(&root.path().join("moved"), &["a", "b", "file"]).unwrap(),
            b"text"
        );
        let silence = |way: &[&str]| read(&inside, way).unwrap_err();
        assert_eq!(
            silence(&["a", "link"]),
            Silence::Useless("is a symbolic link")
        );
        assert_eq!(silence(&["a", "c", "file"]), Silence::Nothing);
        assert_eq!(silence(&["large"]), Silence::Useless("is too large"));
        assert_eq!(silence(&["pipe"]), Silence::Useless("is no file"));
        assert_eq!(silence(&["a"]), Silence::Useless("is no file"));
        assert_eq!(silence(&["absent"]), Silence::Nothing);
        assert_eq!(silence(&["a", "b", "file", "x"]), Silence::Nothing);
    }
}
