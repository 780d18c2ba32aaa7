/*
 * The socket is in an epoll set before it is connected; the set goes by the open file, whatever becomes of the descriptor.
 */
#include "client.h"
#include <sys/epoll.h>

int main(int argc, char **argv) {
    static char text[ANSWER_ROOM];
    if (argc < 2)
        return 2;
    struct sockaddr_in to = address_of(argv[1]);
    struct epoll_event event = {.events = EPOLLIN};
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int e = epoll_create1(EPOLL_CLOEXEC);
    if (s < 0 || e < 0 || epoll_ctl(e, EPOLL_CTL_ADD, s, &event) != 0)
        fail("epoll");
    if (connect(s, (struct sockaddr *)&to, sizeof to) != 0)
        fail("connect");
    for (int i = 0; i < CALLS; i++) {
        char prompt[64];
        snprintf(prompt, sizeof prompt, "question %d", i);
        ask(s, prompt);
        if (epoll_wait(e, &event, 1, 10000) != 1)
            fail("epoll_wait");
        answer_rest(s, text, 0);
        show(text);
    }
    return close(s);
}
