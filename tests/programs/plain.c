/*
 * Independent calls with plain blocking sockets: "keep" one connection, or a new one for "each" call.
 */
#include "client.h"

int main(int argc, char **argv) {
    static char text[ANSWER_ROOM];
    if (argc < 3)
        return 2;
    int keep = strcmp(argv[2], "keep") == 0;
    int s = -1;
    for (int i = 0; i < CALLS; i++) {
        char prompt[64], head[512], body[512];
        snprintf(prompt, sizeof prompt, "question %d", i);
        request_of(prompt, keep ? "" : "Connection: close\r\n", head, body);
        if (s < 0)
            s = dial(argv[1]);
        if (send(s, head, strlen(head), MSG_NOSIGNAL) < 0 || send(s, body, strlen(body), MSG_NOSIGNAL) < 0)
            fail("send");
        size_t len = 0;
        for (ssize_t n = 1; n > 0 && (!keep || !is_whole(text, len)); len += (size_t)n) {
            n = recv(s, text + len, sizeof text - 1 - len, 0);
            if (n < 0)
                fail("recv");
            text[len + (size_t)n] = '\0';
        }
        show(text);
        memset(text, 0, len);
        if (!keep) {
            close(s);
            s = -1;
        }
    }
    return 0;
}
