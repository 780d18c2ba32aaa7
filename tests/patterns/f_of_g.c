/*
 * For each item a call on the answer of another, with plain blocking sockets: the chains are independent of each other.
 */
#include "../programs/client.h"

/* Leaves the answer's text, escaped as it came, in `text`. */
static void answer_to(int s, const char *prompt, char text[256]) {
    static char answer[ANSWER_ROOM];
    ask(s, prompt);
    answer_rest(s, answer, 0);
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
    for (int i = 0; i < 4; i++) {
        char prompt[320], text[256];
        snprintf(prompt, sizeof prompt, "draft %d", i);
        answer_to(s, prompt, text);
        snprintf(prompt, sizeof prompt, "improve: %s", text);
        answer_to(s, prompt, text);
        printf("%d %s\n", i, text);
    }
    close(s);
    return 0;
}
