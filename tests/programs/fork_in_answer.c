/*
 * A fork "before" an answer, or "within" it: the child reads it, and the parent goes on with the connection afterwards.
 */
#include "client.h"
#include <sys/wait.h>

/* The child reads the answer, of which `len` bytes are in `text`. */
static void read_in_child(int s, char *text, size_t len) {
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        answer_rest(s, text, len);
        show(text);
        _exit(3);
    }
    if (waitpid(pid, &status, 0) != pid)
        fail("waitpid");
    printf("the child ended with %d\n", WEXITSTATUS(status));
    fflush(stdout);
}

int main(int argc, char **argv) {
    static char text[ANSWER_ROOM];
    if (argc < 3)
        return 2;
    int within = strcmp(argv[2], "within") == 0;
    int s = dial(argv[1]);
    for (int i = 0; i < 5; i++) {
        char prompt[64];
        snprintf(prompt, sizeof prompt, "question %d", i);
        ask(s, prompt);
        if (i == 2) {
            ssize_t n = within ? recv(s, text, 20, 0) : 0;
            if (n < 0)
                fail("recv");
            read_in_child(s, text, (size_t)n);
            continue;
        }
        answer_rest(s, text, 0);
        show(text);
    }
    return close(s);
}
