/*
 * Waits for each answer as libcurl does: polls the connection together with another descriptor, in turns much shorter
 * than the answer takes. A turn that ends is not the program's limit.
 */
#include "client.h"
#include <poll.h>

int main(int argc, char **argv) {
    static char text[ANSWER_ROOM];
    int wake[2];
    if (argc < 2 || pipe(wake) != 0)
        return 2;
    int s = dial(argv[1]);
    for (int i = 0; i < 5; i++) {
        struct pollfd p[2] = {{.fd = wake[0], .events = POLLIN}, {.fd = s, .events = POLLIN}};
        char prompt[64];
        snprintf(prompt, sizeof prompt, "question %d[[latency=300]]", i);
        ask(s, prompt);
        int r, turns = 0;
        while ((r = poll(p, 2, 100)) == 0)
            turns++;
        if (r < 0)
            fail("poll");
        answer_rest(s, text, 0);
        printf("more than one turn: %d ", turns > 1);
        show(text);
    }
    return close(s);
}
