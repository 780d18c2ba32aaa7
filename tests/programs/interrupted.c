/*
 * A timer without SA_RESTART interrupts a blocked read: the program sees EINTR and reads again. The first call is
 * interrupted, later ones go undisturbed. A time limit on the socket (SO_RCVTIMEO) then runs out during a long
 * call: EAGAIN.
 */
#include "client.h"
#include <signal.h>
#include <sys/time.h>

static void on_alarm(int sig) {
    (void)sig;
}

int main(int argc, char **argv) {
    static char text[ANSWER_ROOM];
    if (argc < 2)
        return 2;
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval soon = {.it_value = {.tv_usec = 60000}};
    struct timeval limit = {.tv_usec = 400000};
    sigaction(SIGALRM, &action, NULL);
    int s = dial(argv[1]);
    setitimer(ITIMER_REAL, &soon, NULL);
    for (int i = 0; i < 6; i++) {
        char prompt[64], head[512], body[512];
        snprintf(prompt, sizeof prompt, "question %d%s", i, i == 4 ? "[[latency=1000]]" : "");
        request_of(prompt, "", head, body);
        if (i == 4)
            setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        if (write(s, head, strlen(head)) < 0 || write(s, body, strlen(body)) < 0)
            fail("write");
        size_t len = 0;
        int interrupted = 0, late = 0;
        while (!is_whole(text, len)) {
            ssize_t n = read(s, text + len, sizeof text - 1 - len);
            interrupted += n < 0 && errno == EINTR;
            late += n < 0 && errno == EAGAIN;
            if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
                fail("read");
            len += n > 0 ? (size_t)n : 0;
        }
        printf("interrupted %d late %d ", interrupted, late > 0);
        show(text);
        memset(text, 0, len);
    }
    return 0;
}
