/*
 * The head of a request by send, the body by something that writes inside libc: dprintf, its fortified name, and stdio.
 * The bytes must go out in their order.
 */
#include "client.h"

int __dprintf_chk(int fd, int flag, const char *format, ...);

static void by_dprintf(int s, const char *body) {
    if (dprintf(s, "%s", body) < 0)
        fail("dprintf");
}

static void by_fortified(int s, const char *body) {
    if (__dprintf_chk(s, 1, "%s", body) < 0)
        fail("__dprintf_chk");
}

static void by_stdio(int s, const char *body) {
    FILE *f = fdopen(dup(s), "w");
    if (!f || fputs(body, f) < 0 || fclose(f) != 0)
        fail("stdio");
}

int main(int argc, char **argv) {
    static void (*const ways[])(int, const char *) = {by_dprintf, by_fortified, by_stdio};
    static char text[ANSWER_ROOM];
    if (argc < 2)
        return 2;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char prompt[64], head[512], body[512];
        snprintf(prompt, sizeof prompt, "question %zu", i);
        request_of(prompt, "", head, body);
        int s = dial(argv[1]);
        ask(s, prompt);
        answer_rest(s, text, 0);
        show(text);
        if (send(s, head, strlen(head), MSG_NOSIGNAL) < 0)
            fail("send");
        ways[i](s, body);
        answer_rest(s, text, 0);
        show(text);
        close(s);
    }
    return 0;
}
