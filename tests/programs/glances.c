/*
 * Looks between the head and the body of each request whether there is input, with poll and with select by turns, as
 * clients do that want to know whether the server has hung up: "once"; or "twice" or "later", which might be a wait for an answer.
 */
#include "client.h"
#include <poll.h>
#include <sys/select.h>
#include <time.h>

static int input(int s, int by_select) {
    struct pollfd p = {.fd = s, .events = POLLIN};
    struct timeval none = {0, 0};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(s, &set);
    return by_select ? select(s + 1, &set, NULL, NULL, &none) : poll(&p, 1, 0);
}

int main(int argc, char **argv) {
    static char text[ANSWER_ROOM];
    if (argc < 3)
        return 2;
    int s = dial(argv[1]);
    for (int i = 0; i < CALLS; i++) {
        char prompt[64], head[512], body[512];
        snprintf(prompt, sizeof prompt, "question %d", i);
        request_of(prompt, "", head, body);
        if (send(s, head, strlen(head), MSG_NOSIGNAL) < 0)
            fail("send");
        if (strcmp(argv[2], "later") == 0)
            nanosleep(&(struct timespec){0, 50000000}, NULL);
        for (int looks = strcmp(argv[2], "twice") == 0 ? 2 : 1; looks > 0; looks--)
            if (input(s, i % 2) != 0)
                fail("input before the request is out");
        if (send(s, body, strlen(body), MSG_NOSIGNAL) < 0)
            fail("send");
        answer_rest(s, text, 0);
        show(text);
    }
    return close(s);
}
