/*
 * A thread sleeps in a read of an answer that is long in coming; another shuts the connection down: the read ends.
 */
#include "client.h"
#include <pthread.h>

static int s;
static ssize_t given;

static void *reader(void *unused) {
    char byte;
    (void)unused;
    given = recv(s, &byte, 1, 0);
    return NULL;
}

int main(int argc, char **argv) {
    static char text[ANSWER_ROOM];
    static const int ways[] = {SHUT_RDWR, SHUT_RD};
    if (argc < 2)
        return 2;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        pthread_t thread;
        s = dial(argv[1]);
        if (i == 0) {
            ask(s, "question");
            answer_rest(s, text, 0);
            show(text);
        }
        ask(s, "a long one[[latency=3000]]");
        if (pthread_create(&thread, NULL, reader, NULL) != 0)
            fail("thread");
        usleep(200000);
        printf("shutdown %d\n", shutdown(s, ways[i]));
        pthread_join(thread, NULL);
        printf("the read gave %zd\n", given);
        close(s);
    }
    return 0;
}
