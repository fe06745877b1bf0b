//! The system calls that a daemon that is set up makes; every other one fails with `EPERM`, and the
//! kernel logs it (audit record `SECCOMP`).
//!
//! What matters is what is not on the list: running programs, loading BPF programs, mounting, tracing
//! and changing other processes, changing identity, kernel modules, io_uring.

use std::io;

use libc::sock_filter;

/// Calls that are allowed with any arguments.
const ALLOWED: &[libc::c_long] = &[
    // Files.
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_copy_file_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_fchmod,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_inotify_add_watch,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_rm_watch,
    libc::SYS_ioctl,
    libc::SYS_lseek,
    libc::SYS_memfd_create,
    libc::SYS_mkdirat,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_pipe2,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_sendfile,
    libc::SYS_splice,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_umask,
    libc::SYS_unlinkat,
    libc::SYS_write,
    libc::SYS_writev,
    // Memory.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mincore,
    libc::SYS_mlock,
    libc::SYS_mlock2,
    libc::SYS_mlockall,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munlock,
    libc::SYS_munlockall,
    libc::SYS_munmap,
    // Threads, signals, and this process. Landlock is for threads that are started later.
    libc::SYS_capget,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getcpu,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_kill,
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_restrict_self,
    libc::SYS_membarrier,
    libc::SYS_prctl,
    libc::SYS_prlimit64,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    libc::SYS_sysinfo,
    libc::SYS_tgkill,
    libc::SYS_tkill,
    libc::SYS_uname,
    // Time and waiting.
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_gettime,
    libc::SYS_timerfd_settime,
    // Receivers, the metrics listener (already bound), the service manager, name resolution.
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_socket,
    libc::SYS_socketpair,
    // Compares the clock of the kernel's log with that of the events.
    libc::SYS_perf_event_open,
];

/// Older forms of these calls, which only x86-64 has.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[libc::c_long] = &[
    libc::SYS_access,
    libc::SYS_dup2,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_getdents,
    libc::SYS_getrlimit,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_select,
    libc::SYS_stat,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[libc::c_long] = &[];

/// Commands of `bpf` that read maps: `MAP_LOOKUP_ELEM`, `MAP_GET_NEXT_KEY`, `MAP_LOOKUP_BATCH`.
const BPF_COMMANDS: [u32; 3] = [1, 4, 24];

/// `AUDIT_ARCH_…` of this program.
const ARCH: Option<u32> = if cfg!(target_arch = "x86_64") {
    Some(0xc000_003e)
} else if cfg!(target_arch = "aarch64") {
    Some(0xc000_00b7)
} else {
    None
};

// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// The lower half of the first argument: these architectures are little-endian.
const ARGUMENT_0: u32 = 16;

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

const FILTER: libc::c_uint = 1; // SECCOMP_SET_MODE_FILTER
const LOG: libc::c_ulong = 1 << 1; // SECCOMP_FILTER_FLAG_LOG

const fn instruction(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// The filter as classic BPF; none for an architecture whose numbers are not known here.
fn program() -> Option<Vec<sock_filter>> {
    let deny = instruction(
        RETURN,
        libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs(),
        0,
        0,
    );
    let allow = instruction(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0);
    let number = |call: libc::c_long| u32::try_from(call).ok();
    let mut program = vec![
        instruction(LOAD, ARCHITECTURE, 0, 0),
        instruction(JUMP_IF_EQUAL, ARCH?, 1, 0),
        deny,
        instruction(LOAD, NUMBER, 0, 0),
    ];
    for call in ALLOWED.iter().chain(ALLOWED_HERE) {
        program.push(instruction(JUMP_IF_EQUAL, number(*call)?, 0, 1));
        program.push(allow);
    }
    program.push(instruction(JUMP_IF_EQUAL, number(libc::SYS_bpf)?, 1, 0));
    program.push(deny);
    program.push(instruction(LOAD, ARGUMENT_0, 0, 0));
    for command in BPF_COMMANDS {
        program.push(instruction(JUMP_IF_EQUAL, command, 0, 1));
        program.push(allow);
    }
    program.push(deny);
    Some(program)
}

/// Filters the calls of this thread and of those that it starts from now on. `no_new_privs` must be set.
///
/// # Errors
///
/// The kernel refuses, or the numbers of this architecture's calls are not known.
#[expect(unsafe_code, reason = "seccomp has no wrapper in the C library")]
pub(super) fn apply() -> io::Result<()> {
    let mut program = program().ok_or(io::ErrorKind::Unsupported)?;
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the kernel copies `len` instructions from `filter`, which is that vector.
    let applied = unsafe { libc::syscall(libc::SYS_seccomp, FILTER, LOG, &raw const filter) };
    match applied {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};
    use std::process::Command;
    use std::thread;

    use super::*;

    /// On a thread of its own; one that it starts is filtered too.
    #[test]
    fn calls_that_are_not_needed_fail() {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        thread::scope(|scope| {
            let filtered = scope.spawn(|| {
                rustix::thread::set_no_new_privs(true).unwrap();
                apply().unwrap();
                thread::spawn(|| {
                    let error = Command::new("true").status().unwrap_err();
                    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
                })
                .join()
                .unwrap();
                let denied =
                    rustix::mount::unmount("/nowhere", rustix::mount::UnmountFlags::empty());
                assert_eq!(denied.unwrap_err(), rustix::io::Errno::PERM);
                let denied = rustix::process::chroot("/");
                assert_eq!(denied.unwrap_err(), rustix::io::Errno::PERM);

                let file = folder.path().join("a");
                fs::write(&file, "x").unwrap();
                fs::rename(&file, folder.path().join("b")).unwrap();
                let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                stream.write_all(b"x").unwrap();
                assert!(fs::read_dir("/proc/self/task").unwrap().count() > 0);
            });
            filtered.join().unwrap();
        });
    }

    /// Jumps of one are all there are, so the program may grow.
    #[test]
    fn the_filter_fits_the_kernels_bound() {
        let length = program().unwrap().len();
        assert!(length < 4096, "{length}");
    }
}
