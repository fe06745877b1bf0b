//! What has to be settled before the memory is touched.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs, io};

use anyhow::{Context as _, Result, bail};

#[derive(Default)]
struct Options {
    cgroups: Vec<PathBuf>,
    adj: Option<String>,
    uid: Option<u32>,
    wait: bool,
}

/// Carries out the options; returns the command and its arguments, in a process that has executed
/// anew if there was an option that needs it.
pub(crate) fn enter() -> Result<Vec<String>> {
    let mut arguments = env::args_os().skip(1).peekable();
    let mut options = Options::default();
    while let Some(argument) = arguments.next_if(|word| word.as_encoded_bytes().starts_with(b"--"))
    {
        let mut value = || arguments.next().context("an option lacks its value");
        match argument.to_str() {
            Some("--cgroup") => options.cgroups.push(PathBuf::from(value()?)),
            Some("--adj") => options.adj = Some(text(value()?)?),
            Some("--uid") => options.uid = Some(text(value()?)?.parse().context("--uid")?),
            Some("--wait") => options.wait = true,
            _ => bail!("no such option: {}", argument.display()),
        }
    }
    let rest: Vec<OsString> = arguments.collect();
    for directory in &options.cgroups {
        let file = directory.join("cgroup.procs");
        fs::write(&file, "0")
            .with_context(|| format!("cannot enter through {}", file.display()))?;
    }
    if let Some(adj) = &options.adj {
        fs::write("/proc/self/oom_score_adj", adj).context("cannot set oom_score_adj")?;
    }
    if !options.cgroups.is_empty() || options.uid.is_some() {
        // Another user may not reach the program by its path; the name of the task is then `exe`.
        let path = match options.uid {
            Some(_) => PathBuf::from("/proc/self/exe"),
            None => env::current_exe().context("cannot find this program")?,
        };
        let mut command = Command::new(path);
        if options.wait {
            command.arg("--wait");
        }
        if let Some(uid) = options.uid {
            command.uid(uid);
        }
        return Err(command.args(rest).exec()).context("cannot execute this program again");
    }
    if options.wait {
        let mut line = String::new();
        io::stdin()
            .read_line(&mut line)
            .context("cannot wait for a line")?;
    }
    rest.into_iter().map(text).collect()
}

fn text(word: OsString) -> Result<String> {
    word.into_string()
        .map_err(|word| anyhow::anyhow!("{} is no UTF-8", word.display()))
}
