//! What stays the same for a whole capture.

use std::fs;

use crate::kernel::{Applied, Facts, Plan};
use crate::model::Host;

/// Identity of this boot.
const BOOT_ID_PATH: &str = "/proc/sys/kernel/random/boot_id";

/// Describes this host, as `plan` sees it as far as it could be applied.
///
/// # Errors
///
/// The boot id cannot be read.
pub(super) fn describe(
    facts: &Facts,
    plan: &Plan,
    applied: Applied,
    hostname: Option<String>,
) -> anyhow::Result<Host> {
    Ok(Host {
        hostname: hostname.unwrap_or_else(name),
        release: facts.release.clone(),
        boot_id: boot_id()?,
        page_size_bytes: facts.page_size,
        // Of a host without the controller only the rules of counting kills matter: as on v2.
        cgroup_version: facts.cgroup_version.unwrap_or(2),
        rss_error_max_bytes: plan.rss_error_max,
        rss_error_per_thread_bytes: plan.rss_error_per_thread,
        tracer_version: env!("CARGO_PKG_VERSION").to_owned(),
        // Only of use where the mask itself is seen.
        gfp_flags: if applied.invocations || plan.stack_searched {
            plan.gfp_flags.clone()
        } else {
            Vec::new()
        },
        unavailable: plan.losses(applied).unavailable(),
    })
}

/// The kernel's name for this host.
pub(super) fn name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// Identity of this boot.
///
/// # Errors
///
/// It cannot be read.
pub(super) fn boot_id() -> anyhow::Result<String> {
    let boot_id = fs::read_to_string(BOOT_ID_PATH)
        .map_err(|error| anyhow::anyhow!("cannot read {BOOT_ID_PATH}: {error}"))?;
    Ok(boot_id.trim().to_owned())
}
