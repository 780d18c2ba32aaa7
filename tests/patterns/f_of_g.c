/*
 * For each item a call on the answer of another, with plain blocking sockets: the chains are independent of each other.
 */
#include "../programs/client.h"

/* Asks and leaves the answer's text, escaped as it came, in `text`. */
static void ask(int s, const char *prompt, char text[256]) {
    static char answer[ANSWER_ROOM];
    char head[512], body[512];
    size_t len = 0;
    request_of(prompt, "", head, body);
    if (send(s, head, strlen(head), MSG_NOSIGNAL) < 0 || send(s, body, strlen(body), MSG_NOSIGNAL) < 0)
        fail("send");
    memset(answer, 0, sizeof answer);
    while (!is_whole(answer, len)) {
        ssize_t n = recv(s, answer + len, sizeof answer - 1 - len, 0);
        if (n <= 0)
            fail("recv");
        len += (size_t)n;
    }
    const char *content = strstr(answer, "\"content\":\"");
    if (!content)
        fail("no content");
    content += 11;
    snprintf(text, 256, "%.*s", (int)strcspn(content, "\""), content);
}

int main(int argc, char **argv) {
    if (argc < 2)
        return 2;
    int s = dial(argv[1]);
    for (int i = 0; i < 6; i++) {
        char prompt[320], text[256];
        snprintf(prompt, sizeof prompt, "draft %d", i);
        ask(s, prompt, text);
        snprintf(prompt, sizeof prompt, "improve: %s", text);
        ask(s, prompt, text);
        printf("%d %s\n", i, text);
    }
    close(s);
    return 0;
}
