//! How `oomtrace decode` reads every log, followed or not.

use std::time::Duration;

use crate::cli::args::DecodeArgs;
use crate::klog::report::KlogHost;
use crate::klog::transport::TransportSettings;
use crate::pipeline::decoder::Decoder;

/// Bytes read at once: large enough for searching at the speed of memory, small enough for a cache.
pub(super) const BLOCK_BYTES: usize = 256 * 1024;

/// How long nothing may come before what is there is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// A decoder as the arguments ask for.
pub(super) fn decoder(args: &DecodeArgs) -> Decoder {
    let settings = TransportSettings {
        time_zone: args.time_zone.clone(),
        year: args.year,
        trust_user_lines: args.trust_user_lines,
        live: args.follow,
    };
    let host = KlogHost {
        hostname: args.hostname.clone(),
        tracer_version: env!("CARGO_PKG_VERSION").to_owned(),
        ..KlogHost::default()
    };
    Decoder::new(settings, host, PATIENCE)
}
