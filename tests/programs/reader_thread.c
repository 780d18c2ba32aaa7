/*
 * One thread reads all that comes, another sends: when a request goes out the reader sleeps already, by "recv", "poll",
 * "polls" (of more than the connection) or "select". It must be woken by the answer.
 */
#include "client.h"
#include <poll.h>
#include <pthread.h>
#include <sys/select.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;
static int answers;
static int s;
static int wake[2];

static void sleep_until_readable(const char *how) {
    struct pollfd p[2] = {{.fd = s, .events = POLLIN}, {.fd = wake[0], .events = POLLIN}};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(s, &set);
    if (strncmp(how, "poll", 4) == 0 && poll(p, how[4] ? 2 : 1, -1) != 1)
        fail("poll");
    if (strcmp(how, "select") == 0 && select(s + 1, &set, NULL, NULL, NULL) != 1)
        fail("select");
}

static void *reader(void *how) {
    static char text[ANSWER_ROOM];
    size_t len = 0;
    for (int i = 0; i < CALLS;) {
        sleep_until_readable(how);
        ssize_t n = recv(s, text + len, sizeof text - 1 - len, 0);
        if (n <= 0)
            fail("recv");
        len += (size_t)n;
        if (!is_whole(text, len))
            continue;
        show(text);
        memset(text, 0, len);
        len = 0;
        pthread_mutex_lock(&lock);
        answers = ++i;
        pthread_cond_signal(&arrived);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t thread;
    if (argc < 3)
        return 2;
    s = dial(argv[1]);
    if (pipe(wake) != 0 || pthread_create(&thread, NULL, reader, argv[2]) != 0)
        fail("thread");
    for (int i = 0; i < CALLS; i++) {
        char prompt[64];
        snprintf(prompt, sizeof prompt, "question %d[[latency=30]]", i);
        usleep(30000); /* for the reader to fall asleep */
        ask(s, prompt);
        pthread_mutex_lock(&lock);
        while (answers <= i)
            pthread_cond_wait(&arrived, &lock);
        pthread_mutex_unlock(&lock);
    }
    return pthread_join(thread, NULL);
}
