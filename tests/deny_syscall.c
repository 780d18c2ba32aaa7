/*
 * Runs a program in which the kernel refuses something: `deny_syscall WHAT[,WHAT...] ERRNO program args...`.
 * WHAT is the name of a system call, "seccomp-filter" (both ways of installing one) or "process" (clone other than for
 * a thread). The tests show with it that a program whose surroundings lack what XCS needs runs as if
 * XCS were not there.
 */
#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static void check(int result, const char *what) {
    if (result < 0) {
        fprintf(stderr, "deny_syscall: %s: %s\n", what, strerror(-result));
        exit(99);
    }
}

static void deny(scmp_filter_ctx ctx, const char *what, uint32_t action) {
    if (strcmp(what, "seccomp-filter") == 0) {
        check(seccomp_rule_add(ctx, action, SCMP_SYS(seccomp), 0), what);
        check(seccomp_rule_add(ctx, action, SCMP_SYS(prctl), 1, SCMP_A0_64(SCMP_CMP_EQ, PR_SET_SECCOMP, 0)), what);
    } else if (strcmp(what, "process") == 0) {
        check(seccomp_rule_add(ctx, action, SCMP_SYS(clone), 1, SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)), what);
        check(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0), what);
        check(seccomp_rule_add(ctx, action, SCMP_SYS(fork), 0), what);
        check(seccomp_rule_add(ctx, action, SCMP_SYS(vfork), 0), what);
    } else {
        int number = seccomp_syscall_resolve_name(what);
        check(number == __NR_SCMP_ERROR ? -ENOSYS : 0, what);
        check(seccomp_rule_add(ctx, action, number, 0), what);
    }
}

int main(int argc, char **argv) {
    if (argc < 4)
        return 2;
    uint32_t action = SCMP_ACT_ERRNO((unsigned)atoi(argv[2]));
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    if (!ctx)
        return 99;
    char *rest = NULL;
    for (char *what = strtok_r(argv[1], ",", &rest); what; what = strtok_r(NULL, ",", &rest))
        deny(ctx, what, action);
    check(seccomp_load(ctx), "seccomp_load");
    seccomp_release(ctx);
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 127;
}
