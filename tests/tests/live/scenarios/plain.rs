//! What fills a cgroup, in one process or many.

use anyhow::{Context as _, Result};
use oomtrace_tests::Stage;
use oomtrace_tests::compare::Rss;
use oomtrace_tests::process::Workload;
use oomtrace_tests::stage::Kill;

use super::{Scenario, kill_in, python, scenario};
use crate::contents::{Tmpfs, text};

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario(
        "leak",
        "anon_filled",
        &["limit_reached", "swap_state"],
        &["anonymous memory"],
        |stage| {
            let cgroup = stage.cgroup(32)?;
            let _running = Workload::within(&cgroup)?.start(&["anon", "64"])?;
            kill_in(stage, &cgroup, Rss::Exact)
        },
    ),
    scenario(
        "tmpfs file",
        "shmem_filled",
        &["kill_frees_little"],
        &["tmpfs", "frees only if"],
        |stage| {
            let cgroup = stage.cgroup(32)?;
            let mount = Tmpfs::mount()?;
            let file = mount.path().join("file");
            let _running = Workload::within(&cgroup)?.start(&["file", text(&file)?, "64"])?;
            kill_in(stage, &cgroup, Rss::Exact)
        },
    ),
    scenario(
        "shared memory",
        "shmem_filled",
        &[],
        &["shared memory"],
        |stage| {
            python(
                stage,
                48,
                "import mmap\nm=mmap.mmap(-1,256<<20)\nfor i in range(0,256<<20,4096): m[i]=1",
            )
        },
    ),
    scenario(
        "memfd",
        "shmem_filled",
        &["kill_frees_little"],
        &[],
        |stage| {
            python(
                stage,
                48,
                // A second process keeps what the first one has filled.
                "import os,time\nf=os.memfd_create('m')\nif os.fork()==0: time.sleep(100)\nb=bytes(1<<20)\nwhile True: os.write(f,b)",
            )
        },
    ),
    scenario(
        "inodes",
        "kernel_memory",
        &["limit_reached"],
        &["kernel memory"],
        inodes,
    ),
    scenario(
        "page tables",
        "kernel_memory",
        &[],
        &["page tables"],
        |stage| {
            // Reading maps the page of zeros, which is nobody's; only the tables are charged.
            python(
                stage,
                48,
                "import mmap\nn=1<<37\nm=mmap.mmap(-1,n,flags=mmap.MAP_PRIVATE|mmap.MAP_ANONYMOUS|0x4000,prot=mmap.PROT_READ)\nm.madvise(15)\nfor i in range(0,n,2<<20): m[i]",
            )
        },
    ),
    scenario("pipes", "kernel_memory", &[], &[], |stage| {
        python(
            stage,
            48,
            "import os,fcntl\nk=[]\nwhile True:\n r,w=os.pipe()\n k.append((r,w))\n os.set_blocking(w,False)\n try: fcntl.fcntl(w,1031,1<<20)\n except OSError: pass\n os.write(w,bytes(1<<20))",
        )
    }),
    scenario("thread stacks", "kernel_memory", &[], &[], |stage| {
        let cgroup = stage.cgroup(48)?;
        let script = "import threading\nthreading.stack_size(65536)\ne=threading.Event()\nwhile True: threading.Thread(target=e.wait,daemon=True).start()";
        let _running = Workload::within(&cgroup)?.start(&["exec", super::PYTHON, "-c", script])?;
        kill_in(stage, &cgroup, super::THREADED)
    }),
    scenario(
        "locked page cache",
        "page_cache_filled",
        &[],
        &["page cache that reclaim had not freed"],
        locked,
    ),
    scenario(
        "reread page cache",
        "anon_filled",
        &["page_cache_left"],
        &[],
        |stage| {
            let (_directory, file) = on_disk()?;
            let cgroup = stage.cgroup(32)?;
            let _running = Workload::within(&cgroup)?.start(&["page-cache", &file, "64", "64"])?;
            kill_in(stage, &cgroup, Rss::Exact)
        },
    ),
    scenario(
        "fork bomb",
        "many_processes",
        &["limit_reached"],
        &["processes are called"],
        |stage| {
            let cgroup = stage.cgroup(48)?;
            let script = "import os,time\nfor i in range(500):\n if os.fork()==0:\n  b=bytearray(1<<20)\n  for j in range(0,1<<20,4096): b[j]=1\n  time.sleep(100)\ntime.sleep(100)";
            let _running =
                Workload::within(&cgroup)?.start(&["exec", super::PYTHON, "-c", script])?;
            kill_in(stage, &cgroup, Rss::Exact)
        },
    )
    .without("candidates", "anon_filled_by_many"),
    scenario(
        "three alike",
        "anon_filled_by_many",
        &["top_consumers"],
        &["other processes the rest"],
        |stage| {
            let cgroup = stage.cgroup(48)?;
            let mut held = Vec::new();
            for _ in 0..2 {
                let running = Workload::within(&cgroup)?.start(&["hold", "15"])?;
                running.wait_for("filled")?;
                held.push(running);
            }
            let _running = Workload::within(&cgroup)?.start(&["anon", "64"])?;
            kill_in(stage, &cgroup, Rss::Exact)
        },
    )
    .without("candidates", "anon_filled_by_many"),
];

fn inodes(stage: &Stage) -> Result<Kill> {
    let cgroup = stage.cgroup(32)?;
    let mount = Tmpfs::mount()?;
    let _running = Workload::within(&cgroup)?.start(&["inodes", text(mount.path())?, "200000"])?;
    kill_in(stage, &cgroup, Rss::Exact)
}

/// A file's pages that are locked in memory.
fn locked(stage: &Stage) -> Result<Kill> {
    let (_directory, file) = on_disk()?;
    let script = format!(
        "import mmap,ctypes,os\nf=open('{file}','wb+')\nn=64<<20\nf.truncate(n)\n\
         m=mmap.mmap(f.fileno(),n)\nlibc=ctypes.CDLL(None,use_errno=True)\n\
         a=ctypes.addressof(ctypes.c_char.from_buffer(m))\n\
         libc.mlock(ctypes.c_void_p(a),ctypes.c_size_t(n))"
    );
    python(stage, 48, &script)
}

/// A place for a file beside the binaries: on a disk, where /tmp may be a tmpfs.
fn on_disk() -> Result<(tempfile::TempDir, String)> {
    let program = oomtrace_tests::process::program()?;
    let directory = tempfile::tempdir_in(program.parent().context("no directory")?)?;
    let file = text(&directory.path().join("file"))?.to_owned();
    Ok((directory, file))
}
