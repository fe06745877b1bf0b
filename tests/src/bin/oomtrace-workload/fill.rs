//! Ways to fill memory.

use std::ffi::CString;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, hint, thread};

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit};

use crate::say;

const MIB: usize = 1 << 20;

/// Allocates and touches `mib` MiB, a MiB at a time, so that a kill comes after most of it.
fn touch(mib: usize) -> Vec<Vec<u8>> {
    (0..mib).map(|_| hint::black_box(vec![0xa5; MIB])).collect()
}

/// Fills anonymous memory and ends.
pub(crate) fn anonymous(mib: usize) -> Result<()> {
    let memory = touch(mib);
    say("filled", memory.len())
}

/// Fills anonymous memory and keeps it until it is killed.
pub(crate) fn hold(mib: usize) -> Result<()> {
    let memory = touch(mib);
    say("filled", memory.len())?;
    sleep_forever()
}

pub(crate) fn sleep_forever() -> ! {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

/// The last of `threads` additional threads fills the memory; the others and the leader wait.
pub(crate) fn from_worker(mib: usize, threads: usize) -> Result<()> {
    for _ in 1..threads {
        thread::spawn(|| sleep_forever());
    }
    let worker = thread::Builder::new()
        .name("worker".to_owned())
        .spawn(move || {
            say("worker", rustix::thread::gettid().as_raw_nonzero())?;
            anonymous(mib)
        })
        .context("cannot start a thread")?;
    worker
        .join()
        .map_err(|_| anyhow::anyhow!("the worker panicked"))?
}

/// Writes a file of `mib` MiB: on tmpfs that is memory which nothing can reclaim.
pub(crate) fn file(path: &str, mib: usize) -> Result<()> {
    let mut file = File::create(path).with_context(|| format!("cannot create {path}"))?;
    write(&mut file, mib)?;
    say("filled", mib)
}

/// Writes and reads back a file of `mib` MiB on a disk, then fills `anon_mib` MiB of anonymous
/// memory.
pub(crate) fn page_cache(path: &str, mib: usize, anon_mib: usize) -> Result<()> {
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .with_context(|| format!("cannot create {path}"))?;
    write(&mut file, mib)?;
    file.sync_all().context("cannot write back")?;
    file.rewind().context("cannot rewind")?;
    let mut block = vec![0; MIB];
    while file.read(&mut block).context("cannot read back")? > 0 {}
    say("cached", mib)?;
    anonymous(anon_mib)
}

/// Makes `count` empty files: each is kernel memory, and ending the process frees none of it.
pub(crate) fn inodes(directory: &str, count: usize) -> Result<()> {
    for number in 0..count {
        let path = format!("{directory}/{number}");
        File::create(&path).with_context(|| format!("cannot create {path}"))?;
    }
    say("made", count)
}

/// Holds `mib` MiB and opens sockets until it is killed: kernel memory that ends with the process.
pub(crate) fn sockets(mib: usize) -> Result<()> {
    let nr_open = fs::read_to_string("/proc/sys/fs/nr_open").context("fs.nr_open")?;
    let files = nr_open.trim().parse().context("fs.nr_open")?;
    let limit = Rlimit {
        current: Some(files),
        maximum: Some(files),
    };
    rustix::process::setrlimit(Resource::Nofile, limit).context("cannot raise RLIMIT_NOFILE")?;
    let memory = touch(mib);
    say("filled", memory.len())?;
    let mut pairs = Vec::new();
    loop {
        pairs.push(UnixDatagram::pair().context("cannot open a pair of sockets")?);
    }
}

fn write(file: &mut File, mib: usize) -> Result<()> {
    let block = vec![0x5a; MIB];
    for _ in 0..mib {
        file.write_all(&block).context("cannot write")?;
    }
    Ok(())
}

/// Takes the name that `hex` spells and fills memory.
pub(crate) fn named(hex: &str, mib: usize) -> Result<()> {
    let bytes = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            let digits = str::from_utf8(pair).context("not hexadecimal")?;
            u8::from_str_radix(digits, 16).context("not hexadecimal")
        })
        .collect::<Result<Vec<u8>>>()?;
    let name = CString::new(bytes).context("a name has no NUL")?;
    rustix::thread::set_name(&name).context("cannot take the name")?;
    anonymous(mib)
}

/// Starts `children` processes that hold nothing, then fills memory.
pub(crate) fn forked(children: usize, mib: usize) -> Result<()> {
    let program = env::current_exe().context("cannot find this program")?;
    for _ in 0..children {
        let child = Command::new(&program)
            .args(["hold", "0"])
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start a child")?;
        say("child", child.id())?;
    }
    anonymous(mib)
}
