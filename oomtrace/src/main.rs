//! The `oomtrace` command.
fn main() {
    let t = std::time::Instant::now();
    let facts = oomtrace::kernel::Facts::read().unwrap();
    println!("facts {:?}", t.elapsed());
    let plan = oomtrace::kernel::plan(&facts).unwrap();
    println!(
        "{:?} {:?} {:?} {:?}",
        plan.mark, plan.proof, plan.exit, plan.degradations
    );
    drop(facts);
    let mut probe = match oomtrace::loader::Probe::start(&plan, 0) {
        Ok(p) => p,
        Err(oomtrace::loader::LoadError::Program {
            name,
            why,
            verifier_log,
        }) => {
            println!("{name} {why}\n{verifier_log}");
            return;
        }
        Err(e) => {
            println!("{e}");
            return;
        }
    };
    println!("attached {:?}", t.elapsed());
    oomtrace::loader::give_back();
    println!(
        "{}",
        std::fs::read_to_string("/proc/self/status")
            .unwrap()
            .lines()
            .filter(|l| l.starts_with("VmRSS") || l.starts_with("Rss") || l.starts_with("VmHWM"))
            .collect::<Vec<_>>()
            .join("\n")
    );
    println!("{:?}", probe.map_memory());
    for _ in 0..200 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        probe.drain(|r| println!("{} {:?}", r.len(), r.get(..64.min(r.len()))));
    }
    println!("{:?}", probe.counters());
}
