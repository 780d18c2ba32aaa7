/*
 * While a thread sleeps on the connection ("recv", "poll") until the answer to the second request comes, the main thread makes a
 * "fork", or sends a third request on it ("pipeline").
 */
#include "client.h"
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>

static int s;
static int polls;

/* What there is, once there is some. */
static size_t some(char *text, size_t room) {
    struct pollfd p = {.fd = s, .events = POLLIN};
    if (polls && poll(&p, 1, -1) != 1)
        fail("poll");
    ssize_t n = recv(s, text, room, polls ? MSG_DONTWAIT : 0);
    if (n <= 0)
        fail("recv");
    return (size_t)n;
}

static void *reader(void *count) {
    static char text[ANSWER_ROOM];
    size_t len = 0;
    for (int left = *(int *)count; left > 0; left--) {
        while (!is_whole(text, len))
            len += some(text + len, sizeof text - 1 - len);
        show(text);
        size_t whole =
            (size_t)(strstr(text, "\r\n\r\n") + 4 - text) + strtoul(strcasestr(text, "content-length:") + 15, NULL, 10);
        memmove(text, text + whole, sizeof text - whole);
        len -= whole;
    }
    return NULL;
}

static void fork_once(void) {
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    if (waitpid(pid, NULL, 0) != pid)
        fail("waitpid");
}

int main(int argc, char **argv) {
    static char text[ANSWER_ROOM];
    pthread_t thread;
    if (argc < 4)
        return 2;
    polls = strcmp(argv[2], "poll") == 0;
    int forks = strcmp(argv[3], "fork") == 0, answers = forks ? 1 : 2;
    s = dial(argv[1]);
    ask(s, "first");
    answer_rest(s, text, 0);
    show(text);
    ask(s, "second[[latency-ms=300]]");
    if (pthread_create(&thread, NULL, reader, &answers) != 0)
        fail("thread");
    usleep(100000); /* for the reader to fall asleep */
    if (forks)
        fork_once();
    else
        ask(s, "third");
    return pthread_join(thread, NULL);
}
