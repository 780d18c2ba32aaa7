/*
 * Containment of a run-ahead by itself: for each effect a process makes a copy of itself as main does (raw clone),
 * the copy is quarantined and tries the effect. Nothing may have happened; then the process does it, once.
 * XCS_TEST_EFFECT=NAME runs one effect alone (for strace).
 */
#include "../shim/ahead.h"
#include "../shim/raw.h"
#include "../src/policy.h"
#include "effects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STAYED_INSIDE "stayed inside"
#define SEAL_FAILED 77
#define PATIENCE 500 /* ms; a copy that waits for what cannot come is as good as ended */

static struct sock_filter *filter;
static unsigned short filter_len;

/* In the copy. */
static void run_ahead(const struct ahead_plan *plan, const struct effect *effect) {
    if (!ahead_quarantine(plan)) {
        (void)xcs_sys1(SYS_exit_group, SEAL_FAILED);
    }
    effect->act();
    ahead_end(STAYED_INSIDE);
}

/* How the copy ended: the barrier's reason, or why there is none. */
static void reason_of(int channel, pid_t copy, char *reason, size_t size) {
    struct pollfd p = {.fd = channel, .events = POLLIN};
    int status = 0;
    char packet[sizeof(struct xcs_msg) + 100];
    snprintf(reason, size, "blocked");
    while (poll(&p, 1, PATIENCE) == 1) {
        ssize_t n = recv(channel, packet, sizeof(packet) - 1, 0);
        const struct xcs_msg *msg = (const struct xcs_msg *)(const void *)packet;
        if (n <= 0) {
            snprintf(reason, size, "ended");
            break;
        }
        if (msg->type == XCS_BARRIER) {
            packet[n] = '\0';
            snprintf(reason, size, "%s", packet + sizeof(*msg));
            break;
        }
    }
    usleep(10000);
    if (waitpid(copy, &status, __WALL | WNOHANG) == 0) {
        kill(copy, SIGKILL);
        waitpid(copy, &status, __WALL);
    }
    if (WIFSIGNALED(status) && strcmp(reason, "ended") == 0) {
        snprintf(reason, size, "signal %d", WTERMSIG(status));
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == SEAL_FAILED) {
        snprintf(reason, size, "NOT SEALED");
    }
}

/* In a process of its own: 0 if the effect has happened exactly when the original did it. */
static int try_effect(const struct effect *effect) {
    static struct ahead_plan plan;
    char reason[128];
    int pair[2];
    effect->prepare();
    long before = effect->happened();
    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), "socketpair");
    plan = (struct ahead_plan){.channel = pair[0], .main_pid = getpid(), .main_tid = gettid(), .main_ppid = getppid()};
    plan.filter.filter = filter;
    plan.filter.len = filter_len;
    fflush(NULL);
    pid_t copy = (pid_t)xcs_sys5(SYS_clone, 0, 0, 0, 0, 0);
    if (copy == 0) {
        run_ahead(&plan, effect);
    }
    close(pair[0]);
    reason_of(pair[1], copy, reason, sizeof(reason));
    close(pair[1]);
    long after_copy = effect->happened();
    effect->act();
    long after_main = effect->happened();
    printf("  %-24s %-28s before %ld, after the copy %ld, after main %ld\n", effect->name, reason, before, after_copy,
           after_main);
    fflush(stdout);
    return strcmp(reason, "NOT SEALED") == 0 || after_copy != before || after_main != before + 1;
}

static void contained(void **state) {
    const struct effect *effect = *state;
    char dir[] = "/tmp/xcs-effect-XXXXXX";
    assert_non_null(mkdtemp(dir));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(20);
        signal(SIGSEGV, SIG_DFL); /* cmocka's would go on with the tests in the copy */
        signal(SIGBUS, SIG_DFL);
        exit(chdir(dir) != 0 || try_effect(effect) != 0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(status, 0);
}

#define MAX_TESTS 256
static struct CMUnitTest tests[MAX_TESTS];
static size_t ntests;

static void add(const struct effect *effect, void *only) {
    if (ntests < MAX_TESTS && (only == NULL || strcmp(only, effect->name) == 0)) {
        tests[ntests++] = (struct CMUnitTest){
            .name = effect->name,
            .test_func = contained,
            .initial_state = (void *)(uintptr_t)effect,
        };
    }
}

int main(void) {
    if (!policy_export(&filter, &filter_len)) {
        fprintf(stderr, "no policy\n");
        return 1;
    }
    effects_all(add, getenv("XCS_TEST_EFFECT"));
    int failed = _cmocka_run_group_tests("quarantine", tests, ntests, NULL, NULL);
    free(filter);
    return failed;
}
