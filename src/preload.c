/*
 * Finding libxcs.so and preloading it: see preload.h. Its place is derived from the executable's, so that an installed tree,
 * a build tree and a directory copied into a container all work.
 */
#include "preload.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Relative to the directory of the executable; patterns of glob(3), the first that matches counts. */
static const char *const places[] = {
    "libxcs.so", ".libs/libxcs.so", "../lib/libxcs.so", "../lib64/libxcs.so", "../lib/*/libxcs.so",
};

static bool own_directory(char *dir, size_t size) {
    ssize_t len = readlink("/proc/self/exe", dir, size - 1);
    if (len <= 0)
        return false;
    dir[len] = '\0';
    char *slash = strrchr(dir, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

/* A directory's name may hold characters that glob(3) takes for a pattern. */
static bool escape(const char *dir, char *out, size_t size) {
    size_t len = 0;
    for (; *dir; dir++) {
        if (len + 3 > size)
            return false;
        if (strchr("*?[]\\", *dir))
            out[len++] = '\\';
        out[len++] = *dir;
    }
    out[len] = '\0';
    return true;
}

/* The absolute path (malloc'ed) of the pattern's first match. */
static char *first_match(const char *pattern) {
    glob_t found;
    char *path = NULL;
    if (glob(pattern, 0, NULL, &found) == 0)
        path = realpath(found.gl_pathv[0], NULL);
    globfree(&found);
    return path;
}

static char *find_library(void) {
    char dir[PATH_MAX], escaped[2 * PATH_MAX], pattern[2 * PATH_MAX + 64];
    char *path = NULL;
    if (own_directory(dir, sizeof(dir)) && escape(dir, escaped, sizeof(escaped))) {
        for (size_t i = 0; !path && i < sizeof(places) / sizeof(places[0]); i++) {
            snprintf(pattern, sizeof(pattern), "%s/%s", escaped, places[i]);
            path = first_match(pattern);
        }
    }
    return path ? path : realpath(XCS_LIBDIR "/libxcs.so", NULL);
}

/* Is `path` an element of the list already? */
static bool listed(const char *list, const char *path) {
    size_t len = strlen(path), n;
    for (; *list; list += n + (list[n] != '\0')) {
        n = strcspn(list, ": ");
        if (n == len && strncmp(list, path, len) == 0)
            return true;
    }
    return false;
}

static bool prepend(const char *path) {
    const char *old = getenv("LD_PRELOAD");
    char *value;
    if (old && listed(old, path))
        return true;
    if (asprintf(&value, "%s%s%s", path, old && *old ? ":" : "", old ? old : "") < 0)
        return false;
    bool set = setenv("LD_PRELOAD", value, 1) == 0;
    free(value);
    return set;
}

bool preload_set(const char **why) {
    char *path = find_library();
    bool set = false;
    if (!path)
        *why = "libxcs.so is not beside xcs nor in a lib directory next to it";
    else if (strpbrk(path, ": "))
        *why = "the path of libxcs.so holds a ':' or a blank, which LD_PRELOAD cannot";
    else if (!(set = prepend(path)))
        *why = "out of memory";
    free(path);
    return set;
}
