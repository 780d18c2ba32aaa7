/*
 * Seals a fresh copy of main off, so that it may go on past a blocked call. ahead_quarantine() is called in the copy,
 * first thing after the clone, and is the list of steps in the order in which they must be taken.
 *
 * Only the calling thread has been copied: another one may have held any lock. So nothing here, nor in the files of
 * the single steps, may allocate, lock or use stdio: raw system calls and static memory (copied on write, so free
 * until it is used).
 */
#include "trap.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "signal_safe.h"

#define FLOOR_MAX 512

/* The copy must not outlive main; main may have died before the kernel was told so. */
static bool die_with_main(const struct ahead_plan *plan) {
    return xcs_sys5(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && xcs_sys0(SYS_getppid) == plan->main_pid;
}

static void write_file(const char *path, const char *text, size_t len) {
    SCOPED_FD fd = (int)xcs_sys4(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (fd >= 0) {
        (void)xcs_sys3(SYS_write, fd, text, len);
    }
}

/* When memory is short it is the copy that goes. If that cannot be arranged, it is still no reason not to run ahead. */
static bool be_first_to_go(void) {
    static const char score[] = "1000";
    write_file("/proc/self/oom_score_adj", score, sizeof(score) - 1);
    return true;
}

/* 1, not 0: a core pattern that is a pipe ignores 0, but takes 1 for a loop. Where 0 is all that main may have, 0. */
static bool leave_no_core(void) {
    struct rlimit one = {.rlim_cur = 1, .rlim_max = 1}, none = {0};
    return xcs_sys4(SYS_prlimit64, 0, RLIMIT_CORE, &one, NULL) == 0 ||
           xcs_sys4(SYS_prlimit64, 0, RLIMIT_CORE, &none, NULL) == 0;
}

/* The channel goes above the floor, out of the way of a program that closes all that it knows. */
static bool remember(const struct ahead_plan *plan) {
    struct rlimit files = {.rlim_cur = FLOOR_MAX};
    if (xcs_sys4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &files) != 0) {
        return false;
    }
    ahead_self.channel = plan->channel;
    ahead_self.floor = files.rlim_cur / 2 < FLOOR_MAX ? (int)(files.rlim_cur / 2) : FLOOR_MAX;
    if (plan->channel < ahead_self.floor) {
        long high = xcs_sys3(SYS_fcntl, plan->channel, F_DUPFD_CLOEXEC, ahead_self.floor);
        if (high < 0) {
            return false;
        }
        ahead_self.channel = (int)high;
        (void)xcs_sys1(SYS_close, plan->channel);
    }
    ahead_self.main_pid = plan->main_pid;
    ahead_self.main_tid = plan->main_tid;
    ahead_self.main_ppid = plan->main_ppid;
    ahead_self.own_tid = (pid_t)xcs_sys0(SYS_gettid);
    return true;
}

static bool seal(const struct ahead_plan *plan) {
    if (plan->filter.len == 0 || xcs_sys5(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return false;
    }
    /* The filter is against effects, not against side channels: it need not slow the processor's speculation down. */
    return xcs_sys3(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &plan->filter) == 0 ||
           xcs_sys3(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &plan->filter) == 0;
}

bool ahead_quarantine(const struct ahead_plan *plan) {
    return die_with_main(plan) && be_first_to_go() && leave_no_core() && remember(plan) &&
           quarantine_descriptors(plan) && /* still unfiltered: it opens what it replaces anew */
           quarantine_mappings() &&        /* after the descriptors, for it makes some of its own */
           trap_install() &&               /* before the filter: a trap without handler kills */
           seal(plan) && trap_self_test(); /* a filter that does not trap is none */
}
