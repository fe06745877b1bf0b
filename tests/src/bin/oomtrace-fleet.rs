//! Writes the events of a simulated fleet to standard output: `oomtrace-fleet NODES DAYS [SEED]`.

use std::io::{self, BufWriter, Write as _};

use anyhow::{Context as _, Result};
use oomtrace_tests::deploy::fleet::Fleet;

fn main() -> Result<()> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let mut next = |what: &str| numbers.next().with_context(|| what.to_owned());
    let fleet = Fleet {
        nodes: next("usage: oomtrace-fleet NODES DAYS [SEED]")?.context("NODES")?,
        days: next("usage: oomtrace-fleet NODES DAYS [SEED]")?.context("DAYS")?,
        seed: next("seed").unwrap_or(Ok(1)).context("SEED")?,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    fleet.write(&mut out, drop)?;
    out.flush().context("writing events")
}
