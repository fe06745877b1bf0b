//! What to say when a log cannot be read.

use std::io;

use rustix::io::Errno;

/// The kernel's own log.
pub(super) const KMSG: &str = "/dev/kmsg";

/// `error` with what helps against it.
pub(super) fn explained(name: &str, error: &io::Error) -> anyhow::Error {
    match Errno::from_io_error(error) {
        Some(Errno::ISDIR) => anyhow::anyhow!(
            "{name} is a directory; name the log files in it (for the journal: journalctl -k -o \
             export | oomtrace decode)"
        ),
        Some(Errno::NOENT) => anyhow::anyhow!("{name} does not exist"),
        Some(Errno::ACCESS | Errno::PERM) if name == KMSG => anyhow::anyhow!(
            "{name} cannot be read ({error}); this needs CAP_SYSLOG, or sysctl \
             kernel.dmesg_restrict=0; or: sudo dmesg --raw | oomtrace decode"
        ),
        Some(Errno::ACCESS | Errno::PERM) => anyhow::anyhow!(
            "{name} cannot be read ({error}); logs are often readable for members of a group \
             (adm, systemd-journal) only; run it as one, or as root"
        ),
        _ => anyhow::anyhow!("{name} cannot be read: {error}"),
    }
}
