/* See proc_lines.h. Raw system calls and static memory only: another thread of main may have held any lock. */
#include "proc_lines.h"
#include "trap.h"

#include <fcntl.h>
#include <string.h>

#include "signal_safe.h"

static char text[64 * 1024];

bool proc_lines(const char *path, bool (*take)(const char *line, const char *end)) {
    SCOPED_FD fd = (int)xcs_sys4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    size_t have = 0;
    if (fd < 0) {
        return false;
    }
    for (;;) {
        long n = xcs_sys3(SYS_read, fd, text + have, sizeof(text) - have);
        if (n <= 0) {
            return n == 0 && have == 0;
        }
        have += (size_t)n;
        char *line = text, *end;
        while ((end = memchr(line, '\n', have - (size_t)(line - text))) != NULL) {
            if (!take(line, end)) {
                return false;
            }
            line = end + 1;
        }
        have -= (size_t)(line - text);
        memmove(text, line, have);
        if (have == sizeof(text)) {
            return false;
        }
    }
}

unsigned long proc_number(const char **p, const char *end, unsigned base) {
    unsigned long value = 0;
    for (; *p < end; (*p)++) {
        unsigned char c = (unsigned char)**p;
        unsigned digit = c >= 'a' ? c - 'a' + 10U : c - '0' + 0U;
        if (c < '0' || (c > '9' && c < 'a') || digit >= base) {
            break;
        }
        value = value * base + digit;
    }
    return value;
}

bool proc_key(const char **p, const char *end, const char *key) {
    size_t len = strlen(key);
    if ((size_t)(end - *p) < len || memcmp(*p, key, len) != 0) {
        return false;
    }
    for (*p += len; *p < end && (**p == ' ' || **p == '\t'); (*p)++) {
    }
    return true;
}
