//! What systemd says of a kill, with and without the kernel's own report.

use super::*;

const BY_SYSTEMD: &str = "web.service: A process of this unit has been killed by the OOM killer.\n";
const BY_KERNEL: &str = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,\
    mems_allowed=0,oom_memcg=/system.slice/UNIT,task_memcg=/system.slice/UNIT,task=a,pid=7,uid=0\n\
    Memory cgroup out of memory: Killed process 7 (a) total-vm:8kB, anon-rss:4kB, file-rss:0kB\n";

fn by_kernel(unit: &str) -> String {
    BY_KERNEL.replace("UNIT", unit)
}

#[test]
fn systemds_line_alone_is_a_kill() {
    let kill = one_kill(BY_SYSTEMD);
    assert_eq!(
        kill.header.message,
        "a process of service web was killed by the OOM killer"
    );
    assert_eq!(kill.victim.pid, None);
    let reasons: Vec<&str> = kill.missing.iter().map(|it| it.reason.word()).collect();
    assert!(reasons.contains(&"only_in_kernel_log"), "{reasons:?}");
}

#[test]
fn systemds_line_beside_the_kernels_is_not() {
    for unit in ["web.service", "web.service/worker"] {
        let kill = one_kill(&format!("{}{BY_SYSTEMD}", by_kernel(unit)));
        assert_eq!(kill.victim.pid, Some(7), "{unit}");
    }
    // Somebody else's kill says nothing of this unit.
    let found = events(&format!("{}{BY_SYSTEMD}", by_kernel("db.service")));
    assert_eq!(found.len(), 2);
}

#[test]
fn what_is_not_systemds_is_not_believed() {
    let mut fake = lines(BY_SYSTEMD);
    fake[0].program = Some(b"web".to_vec());
    assert!(read(&fake).is_empty());
}
