//! Which system calls a container's processes may make: those of Docker's default profile for a
//! container without capabilities (moby, `profiles/seccomp/default.json`).
//!
//! What the profile does not know fails as on a kernel that does not have it (ENOSYS), since
//! programs then do without; what it forbids fails as it does for everybody who lacks a privilege
//! (EPERM). `clone3` is unknown, because a filter cannot see which namespaces it is to make; C
//! libraries use `clone` then.

use std::io;

/// Restricts this thread, and every program and process that it starts.
///
/// # Errors
/// If the kernel has no filters. On architectures that the filter's compiler does not know, nothing
/// is restricted.
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
)))]
pub(crate) fn restrict() -> io::Result<()> {
    Ok(())
}

#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
))]
pub(crate) use known::restrict;

#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
))]
mod known {
    use std::collections::BTreeMap;

    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, TargetArch, apply_filter,
    };

    use super::io;

    /// Restricts this thread, and every program and process that it starts.
    ///
    /// # Errors
    /// If the kernel has no filters.
    pub(crate) fn restrict() -> io::Result<()> {
        // Of two that forbid, the one that was added last says with which error.
        for program in [allowed()?, forbidden()?] {
            apply_filter(&program).map_err(io::Error::other)?;
        }
        Ok(())
    }

    type Rules = BTreeMap<i64, Vec<SeccompRule>>;

    fn allowed() -> io::Result<BpfProgram> {
        let mut rules = any(ALLOWED);
        rules.extend(any(ALLOWED_HERE));
        let personalities = PERSONALITIES.map(|one| condition(0, SeccompCmpOp::Eq, one));
        let personalities = personalities.into_iter().collect::<io::Result<_>>()?;
        rules.insert(libc::SYS_personality, personalities);
        let otherwise = SeccompAction::Errno(errno(libc::ENOSYS));
        compile(rules, otherwise, SeccompAction::Allow)
    }

    fn forbidden() -> io::Result<BpfProgram> {
        let mut rules = any(FORBIDDEN);
        rules.extend(any(FORBIDDEN_HERE));
        let namespaces = NAMESPACES.map(|flag| condition(0, SeccompCmpOp::MaskedEq(flag), flag));
        let namespaces = namespaces.into_iter().collect::<io::Result<_>>()?;
        rules.insert(libc::SYS_clone, namespaces);
        // Sockets to hypervisors.
        let family = u64::from(libc::AF_VSOCK.unsigned_abs());
        let sockets = vec![condition(0, SeccompCmpOp::Eq, family)?];
        rules.insert(libc::SYS_socket, sockets);
        let then = SeccompAction::Errno(errno(libc::EPERM));
        compile(rules, SeccompAction::Allow, then)
    }

    fn errno(number: i32) -> u32 {
        number.unsigned_abs()
    }

    fn any(calls: &[i64]) -> Rules {
        calls.iter().map(|call| (*call, Vec::new())).collect()
    }

    fn condition(argument: u8, operator: SeccompCmpOp, value: u64) -> io::Result<SeccompRule> {
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value);
        let rule = condition.and_then(|one| SeccompRule::new(vec![one]));
        rule.map_err(io::Error::other)
    }

    fn compile(
        rules: Rules,
        otherwise: SeccompAction,
        then: SeccompAction,
    ) -> io::Result<BpfProgram> {
        let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
        let filter = SeccompFilter::new(rules, otherwise, then, arch);
        let program = filter.and_then(BpfProgram::try_from);
        program.map_err(io::Error::other)
    }

    /// `clone`'s flags for namespaces.
    const NAMESPACES: [u64; 7] = [
        0x0002_0000, // CLONE_NEWNS
        0x0200_0000, // CLONE_NEWCGROUP
        0x0400_0000, // CLONE_NEWUTS
        0x0800_0000, // CLONE_NEWIPC
        0x1000_0000, // CLONE_NEWUSER
        0x2000_0000, // CLONE_NEWPID
        0x4000_0000, // CLONE_NEWNET
    ];

    /// Ways to run that a program may choose: Linux, with 32 bits, with old versions' numbers; and
    /// the question which it is.
    const PERSONALITIES: [u64; 5] = [0, 8, 0x0002_0000, 0x0002_0008, 0xffff_ffff];

    #[rustfmt::skip]
    const ALLOWED: &[i64] = &[
        libc::SYS_accept, libc::SYS_accept4, libc::SYS_adjtimex, libc::SYS_bind, libc::SYS_brk,
        libc::SYS_capget, libc::SYS_capset, libc::SYS_chdir, libc::SYS_clock_getres,
        libc::SYS_clock_gettime, libc::SYS_clock_nanosleep, libc::SYS_clone, libc::SYS_close,
        libc::SYS_close_range, libc::SYS_connect, libc::SYS_copy_file_range, libc::SYS_dup,
        libc::SYS_dup3, libc::SYS_epoll_create1, libc::SYS_epoll_ctl, libc::SYS_epoll_pwait,
        libc::SYS_epoll_pwait2, libc::SYS_eventfd2, libc::SYS_execve, libc::SYS_execveat,
        libc::SYS_exit, libc::SYS_exit_group, libc::SYS_faccessat, libc::SYS_faccessat2,
        libc::SYS_fadvise64, libc::SYS_fallocate, libc::SYS_fanotify_mark, libc::SYS_fchdir,
        libc::SYS_fchmod, libc::SYS_fchmodat, libc::SYS_fchown, libc::SYS_fchownat, libc::SYS_fcntl,
        libc::SYS_fdatasync, libc::SYS_fgetxattr, libc::SYS_flistxattr, libc::SYS_flock,
        libc::SYS_fremovexattr, libc::SYS_fsetxattr, libc::SYS_fstat, libc::SYS_fstatfs,
        libc::SYS_fsync, libc::SYS_ftruncate, libc::SYS_futex, libc::SYS_futex_waitv,
        libc::SYS_get_robust_list, libc::SYS_getcpu, libc::SYS_getcwd, libc::SYS_getdents64,
        libc::SYS_getegid, libc::SYS_geteuid, libc::SYS_getgid, libc::SYS_getgroups,
        libc::SYS_getitimer, libc::SYS_getpeername, libc::SYS_getpgid, libc::SYS_getpid,
        libc::SYS_getppid, libc::SYS_getpriority, libc::SYS_getrandom, libc::SYS_getresgid,
        libc::SYS_getresuid, libc::SYS_getrusage, libc::SYS_getsid, libc::SYS_getsockname,
        libc::SYS_getsockopt, libc::SYS_gettid, libc::SYS_gettimeofday, libc::SYS_getuid,
        libc::SYS_getxattr, libc::SYS_inotify_add_watch, libc::SYS_inotify_init1,
        libc::SYS_inotify_rm_watch, libc::SYS_io_cancel, libc::SYS_io_destroy,
        libc::SYS_io_getevents, libc::SYS_io_setup, libc::SYS_io_submit, libc::SYS_ioctl,
        libc::SYS_ioprio_get, libc::SYS_ioprio_set, libc::SYS_kill, libc::SYS_landlock_add_rule,
        libc::SYS_landlock_create_ruleset, libc::SYS_landlock_restrict_self, libc::SYS_lgetxattr,
        libc::SYS_linkat, libc::SYS_listen, libc::SYS_listxattr, libc::SYS_llistxattr,
        libc::SYS_lremovexattr, libc::SYS_lseek, libc::SYS_lsetxattr, libc::SYS_madvise,
        libc::SYS_membarrier, libc::SYS_memfd_create, libc::SYS_memfd_secret, libc::SYS_mincore,
        libc::SYS_mkdirat, libc::SYS_mknodat, libc::SYS_mlock, libc::SYS_mlock2, libc::SYS_mlockall,
        libc::SYS_mmap, libc::SYS_mprotect, libc::SYS_mq_getsetattr, libc::SYS_mq_notify,
        libc::SYS_mq_open, libc::SYS_mq_timedreceive, libc::SYS_mq_timedsend, libc::SYS_mq_unlink,
        libc::SYS_mremap, libc::SYS_msgctl, libc::SYS_msgget, libc::SYS_msgrcv, libc::SYS_msgsnd,
        libc::SYS_msync, libc::SYS_munlock, libc::SYS_munlockall, libc::SYS_munmap,
        libc::SYS_name_to_handle_at, libc::SYS_nanosleep, libc::SYS_newfstatat, libc::SYS_openat,
        libc::SYS_openat2, libc::SYS_pidfd_open, libc::SYS_pidfd_send_signal, libc::SYS_pipe2,
        libc::SYS_pkey_alloc, libc::SYS_pkey_free, libc::SYS_pkey_mprotect, libc::SYS_ppoll,
        libc::SYS_prctl, libc::SYS_pread64, libc::SYS_preadv, libc::SYS_preadv2,
        libc::SYS_prlimit64, libc::SYS_process_mrelease, libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev, libc::SYS_pselect6, libc::SYS_ptrace, libc::SYS_pwrite64,
        libc::SYS_pwritev, libc::SYS_pwritev2, libc::SYS_read, libc::SYS_readahead,
        libc::SYS_readlinkat, libc::SYS_readv, libc::SYS_recvfrom, libc::SYS_recvmmsg,
        libc::SYS_recvmsg, libc::SYS_remap_file_pages, libc::SYS_removexattr, libc::SYS_renameat2,
        libc::SYS_restart_syscall, libc::SYS_rseq, libc::SYS_rt_sigaction, libc::SYS_rt_sigpending,
        libc::SYS_rt_sigprocmask, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_sigreturn,
        libc::SYS_rt_sigsuspend, libc::SYS_rt_sigtimedwait, libc::SYS_rt_tgsigqueueinfo,
        libc::SYS_sched_get_priority_max, libc::SYS_sched_get_priority_min,
        libc::SYS_sched_getaffinity, libc::SYS_sched_getattr, libc::SYS_sched_getparam,
        libc::SYS_sched_getscheduler, libc::SYS_sched_rr_get_interval, libc::SYS_sched_setaffinity,
        libc::SYS_sched_setattr, libc::SYS_sched_setparam, libc::SYS_sched_setscheduler,
        libc::SYS_sched_yield, libc::SYS_seccomp, libc::SYS_semctl, libc::SYS_semget,
        libc::SYS_semop, libc::SYS_semtimedop, libc::SYS_sendfile, libc::SYS_sendmmsg,
        libc::SYS_sendmsg, libc::SYS_sendto, libc::SYS_set_robust_list, libc::SYS_set_tid_address,
        libc::SYS_setfsgid, libc::SYS_setfsuid, libc::SYS_setgid, libc::SYS_setgroups,
        libc::SYS_setitimer, libc::SYS_setpgid, libc::SYS_setpriority, libc::SYS_setregid,
        libc::SYS_setresgid, libc::SYS_setresuid, libc::SYS_setreuid, libc::SYS_setsid,
        libc::SYS_setsockopt, libc::SYS_setuid, libc::SYS_setxattr, libc::SYS_shmat,
        libc::SYS_shmctl, libc::SYS_shmdt, libc::SYS_shmget, libc::SYS_shutdown,
        libc::SYS_sigaltstack, libc::SYS_signalfd4, libc::SYS_socket, libc::SYS_socketpair,
        libc::SYS_splice, libc::SYS_statfs, libc::SYS_statx, libc::SYS_symlinkat, libc::SYS_sync,
        libc::SYS_syncfs, libc::SYS_sysinfo, libc::SYS_tee, libc::SYS_tgkill,
        libc::SYS_timer_create, libc::SYS_timer_delete, libc::SYS_timer_getoverrun,
        libc::SYS_timer_gettime, libc::SYS_timer_settime, libc::SYS_timerfd_create,
        libc::SYS_timerfd_gettime, libc::SYS_timerfd_settime, libc::SYS_times, libc::SYS_tkill,
        libc::SYS_truncate, libc::SYS_umask, libc::SYS_uname, libc::SYS_unlinkat,
        libc::SYS_utimensat, libc::SYS_vmsplice, libc::SYS_wait4, libc::SYS_waitid, libc::SYS_write,
        libc::SYS_writev,
    ];

    #[cfg(target_arch = "x86_64")]
    #[rustfmt::skip]
    const ALLOWED_HERE: &[i64] = &[
        libc::SYS_access, libc::SYS_alarm, libc::SYS_arch_prctl, libc::SYS_chmod, libc::SYS_chown,
        libc::SYS_creat, libc::SYS_dup2, libc::SYS_epoll_create, libc::SYS_epoll_wait,
        libc::SYS_eventfd, libc::SYS_fchmodat2, libc::SYS_fork, libc::SYS_futimesat,
        libc::SYS_get_thread_area, libc::SYS_getdents, libc::SYS_getpgrp, libc::SYS_getrlimit,
        libc::SYS_inotify_init, libc::SYS_lchown, libc::SYS_link, libc::SYS_lstat, libc::SYS_mkdir,
        libc::SYS_mknod, libc::SYS_modify_ldt, libc::SYS_mseal, libc::SYS_open, libc::SYS_pause,
        libc::SYS_pipe, libc::SYS_poll, libc::SYS_readlink, libc::SYS_rename, libc::SYS_renameat,
        libc::SYS_rmdir, libc::SYS_select, libc::SYS_set_thread_area, libc::SYS_setrlimit,
        libc::SYS_signalfd, libc::SYS_stat, libc::SYS_symlink, libc::SYS_sync_file_range,
        libc::SYS_time, libc::SYS_unlink, libc::SYS_utime, libc::SYS_utimes, libc::SYS_vfork,
    ];

    #[cfg(target_arch = "aarch64")]
    const ALLOWED_HERE: &[i64] = &[
        38,  // renameat
        84,  // sync_file_range
        163, // getrlimit
        164, // setrlimit
        462, // mseal
    ];

    #[cfg(target_arch = "riscv64")]
    const ALLOWED_HERE: &[i64] = &[
        84,  // sync_file_range
        163, // getrlimit
        164, // setrlimit
        462, // mseal
        258, // riscv_hwprobe
        259, // riscv_flush_icache
    ];

    #[rustfmt::skip]
    const FORBIDDEN: &[i64] = &[
        libc::SYS_acct, libc::SYS_add_key, libc::SYS_bpf, libc::SYS_chroot, libc::SYS_clock_adjtime,
        libc::SYS_clock_settime, libc::SYS_delete_module, libc::SYS_fanotify_init,
        libc::SYS_finit_module, libc::SYS_fsconfig, libc::SYS_fsmount, libc::SYS_fsopen,
        libc::SYS_fspick, libc::SYS_get_mempolicy, libc::SYS_init_module, libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register, libc::SYS_io_uring_setup, libc::SYS_kcmp, libc::SYS_kexec_load,
        libc::SYS_keyctl, libc::SYS_lookup_dcookie, libc::SYS_mbind, libc::SYS_migrate_pages,
        libc::SYS_mount, libc::SYS_mount_setattr, libc::SYS_move_mount, libc::SYS_move_pages,
        libc::SYS_nfsservctl, libc::SYS_open_by_handle_at, libc::SYS_open_tree,
        libc::SYS_perf_event_open, libc::SYS_pidfd_getfd, libc::SYS_pivot_root,
        libc::SYS_process_madvise, libc::SYS_quotactl, libc::SYS_quotactl_fd, libc::SYS_reboot,
        libc::SYS_request_key, libc::SYS_set_mempolicy, libc::SYS_set_mempolicy_home_node,
        libc::SYS_setdomainname, libc::SYS_sethostname, libc::SYS_setns, libc::SYS_settimeofday,
        libc::SYS_swapoff, libc::SYS_swapon, libc::SYS_syslog, libc::SYS_umount2, libc::SYS_unshare,
        libc::SYS_userfaultfd, libc::SYS_vhangup,
    ];

    #[cfg(target_arch = "x86_64")]
    #[rustfmt::skip]
    const FORBIDDEN_HERE: &[i64] = &[
        libc::SYS__sysctl, libc::SYS_ioperm, libc::SYS_iopl, libc::SYS_kexec_file_load,
        libc::SYS_sysfs, libc::SYS_uselib, libc::SYS_ustat,
    ];

    #[cfg(not(target_arch = "x86_64"))]
    const FORBIDDEN_HERE: &[i64] = &[];

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_filters_compile_and_agree() {
            assert!(allowed().unwrap().len() > 300);
            assert!(forbidden().unwrap().len() > 50);
            let both = ALLOWED.iter().find(|call| FORBIDDEN.contains(call));
            assert_eq!(both, None);
        }
    }
}
