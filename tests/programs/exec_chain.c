/*
 * Runs itself again and again, once by each function of the exec family, with a model call in each image. An image must find no
 * child that its program did not make, nor be told of one.
 */
#include "client.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static char *self, *url, number[16];
#define WORDS                                                                                                          \
    { self, url, number, NULL }

static int by_execve(void) {
    char *argv[] = WORDS;
    return execve(self, argv, environ);
}

static int by_execv(void) {
    char *argv[] = WORDS;
    return execv(self, argv);
}

static int by_execvp(void) {
    char *argv[] = WORDS;
    return execvp(self, argv);
}

static int by_execvpe(void) {
    char *argv[] = WORDS;
    return execvpe(self, argv, environ);
}

static int by_fexecve(void) {
    char *argv[] = WORDS;
    return fexecve(open(self, O_RDONLY | O_CLOEXEC), argv, environ);
}

static int by_execveat(void) {
    char *argv[] = WORDS;
    return execveat(AT_FDCWD, self, argv, environ, 0);
}

static int by_execl(void) {
    return execl(self, self, url, number, (char *)NULL);
}

static int by_execlp(void) {
    return execlp(self, self, url, number, (char *)NULL);
}

static int by_execle(void) {
    return execle(self, self, url, number, (char *)NULL, environ);
}

static int (*const ways[])(void) = {by_execve,   by_execv, by_execvp, by_execvpe, by_fexecve,
                                    by_execveat, by_execl, by_execlp, by_execle};
#define WAYS (sizeof ways / sizeof *ways)

/* SIGCHLD is blocked from the image before on. */
static void look_for_children(const sigset_t *children) {
    struct timespec limit = {.tv_nsec = 200000000};
    siginfo_t info;
    int sig = sigtimedwait(children, &info, &limit);
    pid_t pid = waitpid(-1, NULL, WNOHANG | __WALL);
    printf("signal %d child %d %s\n", sig, (int)pid, strerror(errno));
}

int main(int argc, char **argv) {
    static char text[ANSWER_ROOM];
    sigset_t children;
    if (argc < 2)
        return 2;
    self = argv[0];
    url = argv[1];
    size_t way = argc > 2 ? (size_t)atoi(argv[2]) : 0;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, NULL);
    look_for_children(&children);
    int s = dial(url);
    for (int i = 0; i < 2; i++) {
        char prompt[64];
        snprintf(prompt, sizeof prompt, "question %zu %d", way, i);
        ask(s, prompt);
        answer_rest(s, text, 0);
        if (!strstr(text, "word"))
            sleep(30); /* a run-ahead does not get further, and is there when the program goes on */
        show(text);
    }
    if (way == WAYS)
        return 0;
    snprintf(number, sizeof number, "%zu", way + 1);
    fflush(stdout);
    return ways[way]();
}
