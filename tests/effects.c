/* The list of effects and what their tables share. Called by test_quarantine.c and hostile.c. */
#include "effects.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int must(long result, const char *what) {
    if (result < 0) {
        perror(what);
        exit(99);
    }
    return (int)result;
}

int file_with(const char *path, const char *content, int flags) {
    int fd = must(open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644), path);
    must(write(fd, content, strlen(content)), path);
    close(fd);
    return flags < 0 ? -1 : must(open(path, flags), path);
}

long size_of(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

int there(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

static const struct effect *const tables[] = {effects_path, effects_fd, effects_ipc};

const struct effect *effect_named(const char *name) {
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (const struct effect *e = tables[i]; e->name != NULL; e++) {
            if (strcmp(e->name, name) == 0) {
                return e;
            }
        }
    }
    return NULL;
}

void effects_all(void (*each)(const struct effect *effect, void *arg), void *arg) {
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (const struct effect *e = tables[i]; e->name != NULL; e++) {
            each(e, arg);
        }
    }
}
