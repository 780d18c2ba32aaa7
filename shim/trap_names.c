/*
 * Names of the system calls at which run-aheads end, for the reason that the user is told. Called by trap.c when one
 * ends. A call that is not here is given by its number.
 */
#include "trap.h"

#define NAME(call) {SYS_##call, #call},

static const struct {
    long nr;
    const char *name;
} names[] = {
    /* files by path */
    NAME(openat) NAME(newfstatat) NAME(statx) NAME(unlinkat) NAME(renameat2) NAME(mkdirat) NAME(mknodat) NAME(symlinkat)
        NAME(linkat) NAME(fchmodat) NAME(fchownat) NAME(utimensat) NAME(truncate) NAME(faccessat) NAME(readlinkat)
            NAME(setxattr) NAME(lsetxattr) NAME(fsetxattr) NAME(removexattr) NAME(fremovexattr) NAME(chroot) NAME(mount)
                NAME(umount2) NAME(swapon) NAME(quotactl) NAME(name_to_handle_at) NAME(open_by_handle_at)
    /* files by descriptor */
    NAME(fchmod) NAME(fchown) NAME(flock) NAME(fcntl) NAME(ioctl) NAME(inotify_init1) NAME(inotify_add_watch)
        NAME(fanotify_init)
    /* processes */
    NAME(clone) NAME(execve) NAME(execveat) NAME(wait4) NAME(waitid) NAME(kill) NAME(tkill) NAME(tgkill)
        NAME(rt_sigqueueinfo) NAME(rt_tgsigqueueinfo) NAME(pidfd_open) NAME(pidfd_send_signal) NAME(pidfd_getfd)
            NAME(ptrace) NAME(process_vm_readv) NAME(process_vm_writev) NAME(process_madvise) NAME(kcmp) NAME(setsid)
                NAME(setpgid) NAME(setpriority) NAME(sched_setaffinity) NAME(sched_setscheduler) NAME(sched_setparam)
                    NAME(sched_setattr) NAME(ioprio_set) NAME(prlimit64) NAME(prctl) NAME(seccomp) NAME(unshare)
                        NAME(setns) NAME(setuid) NAME(setgid) NAME(setreuid) NAME(setregid) NAME(setresuid)
                            NAME(setresgid) NAME(setgroups) NAME(capset) NAME(personality)
    /* sockets */
    NAME(socket) NAME(socketpair) NAME(connect) NAME(bind) NAME(listen) NAME(accept) NAME(accept4) NAME(sendto)
        NAME(sendmsg) NAME(sendmmsg) NAME(setsockopt) NAME(getsockopt) NAME(getsockname) NAME(getpeername)
    /* shared memory, queues and semaphores */
    NAME(shmget) NAME(shmat) NAME(shmctl) NAME(shmdt) NAME(semget) NAME(semop) NAME(semtimedop) NAME(semctl)
        NAME(msgget) NAME(msgsnd) NAME(msgrcv) NAME(msgctl) NAME(mq_open) NAME(mq_unlink) NAME(mq_timedsend)
            NAME(mq_timedreceive) NAME(mq_notify) NAME(mq_getsetattr)
    /* the machine */
    NAME(madvise) NAME(mbind) NAME(mlockall) NAME(remap_file_pages) NAME(userfaultfd) NAME(bpf) NAME(perf_event_open)
        NAME(io_setup) NAME(io_uring_enter) NAME(io_uring_register) NAME(keyctl) NAME(add_key) NAME(request_key)
            NAME(reboot) NAME(sethostname) NAME(settimeofday) NAME(clock_settime) NAME(adjtimex) NAME(syslog)
                NAME(timer_create) NAME(timerfd_create) NAME(clock_nanosleep)
#if defined(__x86_64__)
                    NAME(open) NAME(creat) NAME(stat) NAME(lstat) NAME(access) NAME(readlink) NAME(unlink) NAME(rmdir)
                        NAME(rename) NAME(renameat) NAME(mkdir) NAME(mknod) NAME(symlink) NAME(link) NAME(chmod)
                            NAME(chown) NAME(lchown) NAME(utime) NAME(utimes) NAME(futimesat) NAME(fork) NAME(vfork)
                                NAME(inotify_init) NAME(iopl) NAME(ioperm) NAME(modify_ldt) NAME(setrlimit)
#endif
};

const char *trap_name(long nr) {
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].nr == nr) {
            return names[i].name;
        }
    }
    return NULL;
}
