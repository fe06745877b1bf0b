//! rsyslog and syslog-ng with the configurations of `deploy/`, and a server that gets what they send.

use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result, ensure};

use super::repository;
use super::running::Running;
use crate::engine::run;
use crate::loggers;

/// The program runs where it was unpacked, in a mount namespace in which that lies over `/usr`.
const WITHIN: &str = r#"
set -eu
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$1/usr:/usr" /usr
shift
exec "$@"
"#;

/// The path that the examples read; a test has one of its own.
const EVENTS: &str = "/var/log/oomtrace";

/// What a server on this host has received so far.
#[derive(Debug)]
pub struct Received {
    port: u16,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Received {
    /// Begins to listen.
    ///
    /// # Errors
    /// There is no port.
    pub fn listen() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port")?;
        let port = listener.local_addr().context("no address")?.port();
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&bytes);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut part = [0; 4096];
                while let Ok(length) = stream.read(&mut part) {
                    let Some(part) = part.get(..length).filter(|part| !part.is_empty()) else {
                        break;
                    };
                    let mut bytes = into.lock().unwrap_or_else(PoisonError::into_inner);
                    bytes.extend_from_slice(part);
                }
            }
        });
        Ok(Self { port, bytes })
    }

    /// Where it listens on this host.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// It as text.
    #[must_use]
    pub fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// One of the two.
#[derive(Clone, Copy, Debug)]
pub enum Shipper {
    /// `rsyslogd`.
    Rsyslog,
    /// `syslog-ng`.
    SyslogNg,
}

impl Shipper {
    /// Starts it with the example, which reads `oom.ndjson` in `folder` and sends to `server`.
    ///
    /// # Errors
    /// The program is not unpacked, or finds a mistake in the configuration.
    pub fn start(self, folder: &Path, server: &Received) -> Result<Running> {
        let here = folder.display();
        let port = server.port;
        let (example, name) = match self {
            Self::Rsyslog => ("deploy/rsyslog/oomtrace.conf", "rsyslog.conf"),
            Self::SyslogNg => ("deploy/syslog-ng/oomtrace.conf", "syslog-ng.conf"),
        };
        let text = fs::read_to_string(repository(example))?;
        for known in [EVENTS, "\"logs.example\""] {
            ensure!(text.contains(known), "{example} does not name {known}");
        }
        let text = text
            .replace(EVENTS, &here.to_string())
            .replace("logs.example", "127.0.0.1")
            .replace("port=\"514\"", &format!("port=\"{port}\""))
            .replace("port(601)", &format!("port({port})"));
        let included = folder.join("included.conf");
        fs::write(&included, text)?;
        let config = folder.join(name);
        let main = match self {
            Self::Rsyslog => format!(
                "global(workDirectory=\"{here}\")\ninclude(file=\"{}\")\n",
                included.display()
            ),
            Self::SyslogNg => format!(
                "@version: {}\n@include \"{}\"\n",
                loggers::syslog_ng_version()?,
                included.display()
            ),
        };
        fs::write(&config, main)?;
        let checked = match self {
            Self::Rsyslog => within("rsyslogd")?
                .args(["-N1", "-f"])
                .arg(&config)
                .output(),
            Self::SyslogNg => {
                let mut program = within("syslog-ng")?;
                program
                    .args(["--syntax-only", "--no-caps", "-f"])
                    .arg(&config)
                    .output()
            }
        }
        .context("cannot check the configuration")?;
        let said = String::from_utf8_lossy(&checked.stderr);
        ensure!(checked.status.success(), "{example}: {said}");
        let mut program = match self {
            Self::Rsyslog => {
                let mut program = within("rsyslogd")?;
                program.args(["-n", "-f"]).arg(&config);
                program.arg("-i").arg(folder.join("pid"));
                program
            }
            Self::SyslogNg => {
                let mut program = within("syslog-ng")?;
                program
                    .args(["--foreground", "--no-caps", "-f"])
                    .arg(&config);
                for file in ["persist-file", "pidfile", "control"] {
                    program.arg(format!("--{file}={}", folder.join(file).display()));
                }
                program
            }
        };
        Running::start(&mut program, &folder.join("log"))
    }
}

/// A command that runs an unpacked program in a mount namespace of its own.
///
/// # Errors
/// The programs are not unpacked.
pub fn within(program: &str) -> Result<Command> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", WITHIN, "sh"]);
    command.arg(loggers::tools()?).arg(program);
    Ok(command)
}

/// lnav with the format of `deploy/lnav`, installed in `folder`.
///
/// # Errors
/// The format cannot be copied.
pub fn lnav(folder: &Path) -> Result<Command> {
    let formats: PathBuf = folder.join("formats/oomtrace");
    fs::create_dir_all(&formats).context("making a folder")?;
    fs::copy(
        repository("deploy/lnav/oomtrace.json"),
        formats.join("oomtrace.json"),
    )
    .context("copying the format")?;
    let command = || {
        let mut command = Command::new("lnav");
        command.env("HOME", folder).arg("-I").arg(folder);
        command
    };
    run(command().arg("-C"))?;
    Ok(command())
}
