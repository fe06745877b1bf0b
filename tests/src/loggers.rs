//! The programs that carry a kernel's log to files, run on this host's own log: journald, rsyslog and
//! syslog-ng, with files and sockets of their own, in a mount namespace of their own.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::host;

/// What runs in the namespace; `$1` is where files go, `$2` the unpacked programs.
const SCRIPT: &str = r#"
set -eu
out=$1 tools=$2
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$tools/usr:/usr" /usr
mount -t tmpfs none /run
mkdir -p /run/systemd/journal /run/log/journal
if [ -e /etc/systemd/journald.conf ]; then
    mount --bind "$out/journald.conf" /etc/systemd/journald.conf
fi
/usr/lib/systemd/systemd-journald 2>"$out/journald.err" & journald=$!
rsyslogd -n -f "$out/rsyslog.conf" -i /run/rsyslog.pid 2>"$out/rsyslog.err" & rsyslog=$!
syslog-ng --foreground --no-caps -f "$out/syslog-ng.conf" --persist-file=/run/ng.persist \
    --pidfile=/run/ng.pid --control=/run/ng.control 2>"$out/syslog-ng.err" & syslogng=$!
trap 'kill $journald $rsyslog $syslogng 2>/dev/null; wait' EXIT
sleep 2
kill -0 $journald && kill -0 $rsyslog && kill -0 $syslogng
echo ready
read -r forged
# Who is no kernel: by way of the journal, of rsyslog, and of the kernel's own log.
logger -t app -- "$forged"
logger -u "$out/socket" -t app -- "$forged"
logger -u "$out/socket" -t kernel -- "$forged"
echo "<3>$forged" >/dev/kmsg
sleep 2
for form in short short-precise short-iso short-iso-precise short-full short-monotonic short-unix \
    with-unit verbose export json json-pretty json-seq json-sse cat; do
    journalctl --no-pager -o $form >"$out/journalctl-$form"
done
for form in short short-iso short-full short-monotonic short-unix; do
    journalctl --no-pager --no-hostname -o $form >"$out/journalctl-nameless-$form"
done
journalctl --no-pager --reverse >"$out/journalctl-reverse"
for form in "" --raw --decode --ctime --notime --show-delta --reltime --time-format=iso --json \
    "--decode --ctime" --color=always; do
    dmesg $form >"$out/dmesg$(echo "$form" | tr -d ' =')"
done
echo written
"#;

const JOURNALD: &str = "[Journal]\nStorage=volatile\nRateLimitBurst=0\nReadKMsg=yes\n";

/// The files that the programs have written.
#[derive(Debug)]
pub struct Carried {
    directory: TempDir,
}

/// The programs, as they run.
#[derive(Debug)]
pub struct Loggers {
    directory: TempDir,
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Loggers {
    /// Starts all of them.
    ///
    /// # Errors
    /// One is not there or does not start; what it said is in the message.
    pub fn start() -> Result<Self> {
        let tools = tools()?;
        let directory = tempfile::Builder::new()
            .prefix("oomtrace-loggers")
            .tempdir()
            .context("cannot make a directory")?;
        let out = directory.path();
        let write = |name: &str, text: String| {
            fs::write(out.join(name), text).with_context(|| format!("cannot write {name}"))
        };
        write("journald.conf", JOURNALD.to_owned())?;
        write("rsyslog.conf", rsyslog(out))?;
        write("syslog-ng.conf", syslog_ng(out)?)?;
        let mut child = Command::new("unshare")
            .args(["--mount", "sh", "-c", SCRIPT, "sh"])
            .arg(out)
            .arg(&tools)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run unshare")?;
        let said = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut loggers = Self {
            directory,
            child,
            said,
        };
        loggers.hear("ready")?;
        Ok(loggers)
    }

    fn hear(&mut self, word: &str) -> Result<()> {
        let mut line = String::new();
        while line.trim() != word {
            line.clear();
            let read = self.said.read_line(&mut line).context("cannot listen")?;
            ensure!(read > 0, "it ended before it was {word}: {}", self.errors());
        }
        Ok(())
    }

    /// What the programs complained of.
    fn errors(&self) -> String {
        ["journald", "rsyslog", "syslog-ng"]
            .into_iter()
            .map(|name| {
                let path = self.directory.path().join(format!("{name}.err"));
                format!("{name}: {}; ", fs::read_to_string(path).unwrap_or_default())
            })
            .collect()
    }

    /// Has `forged` written to every log by a process, and all logs shown in all their forms.
    ///
    /// # Errors
    /// A program fails.
    pub fn finish(mut self, forged: &str) -> Result<Carried> {
        let mut input = self.child.stdin.take().context("no standard input")?;
        writeln!(input, "{forged}").context("cannot speak to it")?;
        self.hear("written")?;
        let status = self.child.wait().context("cannot wait")?;
        ensure!(status.success(), "{status}: {}", self.errors());
        // What is left of it is the directory.
        let directory = std::mem::replace(
            &mut self.directory,
            tempfile::tempdir().context("cannot make a directory")?,
        );
        Ok(Carried { directory })
    }
}

impl Drop for Loggers {
    fn drop(&mut self) {
        // Without its input the script ends, and ends what it started.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Carried {
    /// One of the files.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Names of all files whose name begins like this.
    ///
    /// # Errors
    /// The directory cannot be read, or holds none.
    pub fn names(&self, beginning: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.directory.path()).context("cannot list files")? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with(beginning) && !name.contains('.') {
                names.push(name);
            }
        }
        names.sort();
        ensure!(!names.is_empty(), "nothing was written by {beginning}");
        Ok(names)
    }
}

fn rsyslog(out: &Path) -> String {
    let out = out.display();
    let actions: String = [
        ("traditional", "RSYSLOG_TraditionalFileFormat"),
        ("iso", "RSYSLOG_FileFormat"),
        ("rfc5424", "RSYSLOG_SyslogProtocol23Format"),
    ]
    .into_iter()
    .map(|(name, template)| {
        format!("action(type=\"omfile\" file=\"{out}/rsyslog-{name}\" template=\"{template}\")\n")
    })
    .collect();
    format!(
        "module(load=\"imkmsg\")\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\n\
         input(type=\"imuxsock\" Socket=\"{out}/socket\")\n{actions}"
    )
}

/// The version whose rules a configuration of syslog-ng says that it follows: that of the unpacked one.
///
/// # Errors
/// It is not unpacked.
pub fn syslog_ng_version() -> Result<String> {
    let modules = tools()?.join("usr/lib/syslog-ng");
    let list = fs::read_dir(&modules).with_context(|| format!("no {}", modules.display()))?;
    list.filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find(|name| name.starts_with(|c: char| c.is_ascii_digit()))
        .context("syslog-ng has no modules")
}

fn syslog_ng(out: &Path) -> Result<String> {
    let version = syslog_ng_version()?;
    let out = out.display();
    Ok(format!(
        "@version: {version}\n\
         source s {{ file(\"/dev/kmsg\" flags(kernel) program-override(\"kernel\") \
         format(\"linux-kmsg\")); }};\n\
         destination bsd {{ file(\"{out}/syslogng-bsd\"); }};\n\
         destination iso {{ file(\"{out}/syslogng-iso\" template(\"${{ISODATE}} ${{HOST}} ${{MSGHDR}}${{MSG}}\\n\")); }};\n\
         destination new {{ file(\"{out}/syslogng-rfc5424\" flags(syslog-protocol)); }};\n\
         log {{ source(s); destination(bsd); destination(iso); destination(new); }};\n"
    ))
}

/// Where `cargo xtask test` unpacks rsyslog and syslog-ng, of which only one may be installed.
///
/// # Errors
/// There is no folder for caches.
pub fn folder() -> Result<PathBuf> {
    Ok(host::cache_folder()?.join("loggers"))
}

/// The folder, with both programs in it.
///
/// # Errors
/// One of them is not there.
pub fn tools() -> Result<PathBuf> {
    let tools = folder()?;
    for program in ["rsyslogd", "syslog-ng"] {
        ensure!(
            tools.join("usr/sbin").join(program).is_file(),
            "no {program} in {}: cargo xtask test --only packages unpacks it there",
            tools.display()
        );
    }
    Ok(tools)
}
