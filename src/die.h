/*
 * The one way out of the tool on failure: a line on stderr that says what failed, and the exit status. For main.c and
 * run.c; the engine never ends this way, since a program is waiting for its answers.
 */
#ifndef XCS_DIE_H
#define XCS_DIE_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define EXIT_USAGE 2
#define EXIT_CANNOT_RUN 126 /* as env(1): found, but cannot be run */
#define EXIT_NOT_FOUND 127

__attribute__((format(printf, 1, 2))) static inline void warn_line(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("xcs: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

#define die(status, ...) (warn_line(__VA_ARGS__), exit(status))

#endif
