/*
 * The hostile program: hostile PORT EFFECT prepares the effect, makes a model call, has the effect, makes another model
 * call, and then looks: exit status 0 if it has happened exactly once. Run by tests/containment.py under XCS, where a
 * run-ahead tries it too, before the program itself does. `hostile 0 list` prints the names of the effects.
 */
#include "effects.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 65536

static void call(int port, const char *prompt) {
    static char answer[ROOM];
    char body[256], request[768];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int s = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must(connect(s, (struct sockaddr *)&to, sizeof(to)), "connect");
    snprintf(body, sizeof(body), "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}", prompt);
    int len = snprintf(request, sizeof(request),
                       "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                       port, strlen(body), body);
    must(send(s, request, (size_t)len, MSG_NOSIGNAL) == len ? 0 : -1, "send");
    size_t have = 0;
    for (ssize_t n; (n = recv(s, answer + have, ROOM - 1 - have, 0)) > 0;) {
        have += (size_t)n;
    }
    answer[have] = '\0';
    must(strncmp(answer, "HTTP/1.1 200", 12) == 0 ? 0 : -1, "answer");
    close(s);
}

static void print_name(const struct effect *effect, void *arg) {
    (void)arg;
    puts(effect->name);
}

static int have_effect(const struct effect *effect, int port) {
    char dir[] = "/tmp/xcs-hostile-XXXXXX", command[64];
    if (mkdtemp(dir) == NULL || chdir(dir) != 0) {
        return 1;
    }
    effect->prepare();
    long before = effect->happened();
    call(port, "first");
    effect->act();
    call(port, effect->name);
    call(port, "last");
    long times = effect->happened() - before;
    printf("%s: %ld\n", effect->name, times);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command) != 0 || times != 1;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[2], "list") == 0) {
        effects_all(print_name, NULL);
        return 0;
    }
    const struct effect *effect = argc == 3 ? effect_named(argv[2]) : NULL;
    if (effect == NULL) {
        fprintf(stderr, "usage: hostile PORT EFFECT\n");
        return 2;
    }
    return have_effect(effect, (int)strtol(argv[1], NULL, 10));
}
