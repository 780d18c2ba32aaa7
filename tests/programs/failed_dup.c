/*
 * dup2 and dup3 that fail, over the connection and before its answer is read: it stays what it was.
 */
#include "client.h"
#include <fcntl.h>

int main(int argc, char **argv) {
    static char text[ANSWER_ROOM];
    if (argc < 2)
        return 2;
    int s = dial(argv[1]);
    for (int i = 0; i < CALLS; i++) {
        char prompt[64];
        snprintf(prompt, sizeof prompt, "question %d", i);
        ask(s, prompt);
        int r = i % 2 ? dup2(10000, s) : dup3(10000, s, O_CLOEXEC);
        printf("%d %s, over itself %d, ", r, strerror(errno), dup2(s, s) == s);
        answer_rest(s, text, 0);
        show(text);
    }
    return close(s);
}
