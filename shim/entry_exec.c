/*
 * Interposed: the exec family (exec(3)), _exit and dprintf.
 *
 * A process that execs keeps its children, and the kernel then tells the new program of those that it was not told of before: XCS's
 * are ended first. So they are where a process ends without its destructors: the kernel would give them to process 1, which may be the
 * program's own parent, and tell that of them. A vfork child is none of ours (conn_mine). dprintf writes past the interposed calls.
 */
#include "conn.h"
#include "raw.h"
#include "real.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void last(void) {
    if (xcs_mode == XCS_MODE_MAIN && conn_mine())
        xcs_end();
}

XCS_EXPORT int execve(const char *path, char *const argv[], char *const env[]) {
    last();
    return REAL(execve)(path, argv, env);
}

XCS_EXPORT int execv(const char *path, char *const argv[]) {
    last();
    return REAL(execv)(path, argv);
}

XCS_EXPORT int execvp(const char *file, char *const argv[]) {
    last();
    return REAL(execvp)(file, argv);
}

XCS_EXPORT int execvpe(const char *file, char *const argv[], char *const env[]) {
    last();
    return REAL(execvpe)(file, argv, env);
}

XCS_EXPORT int fexecve(int fd, char *const argv[], char *const env[]) {
    last();
    return REAL(fexecve)(fd, argv, env);
}

XCS_EXPORT int execveat(int dir, const char *path, char *const argv[], char *const env[], int flags) {
    last();
    return REAL(execveat)(dir, path, argv, env, flags);
}

XCS_EXPORT void _exit(int status) {
    last();
    for (;;)
        xcs_sys1(SYS_exit_group, status);
}

XCS_EXPORT void _Exit(int status) {
    _exit(status);
}

/* execl(3) and its kin are lists of arguments for the same calls. */
#define ARGUMENTS_MAX 4096
#define AS_ARRAY(argv, last, args)                                                                                     \
    char *argv[ARGUMENTS_MAX] = {(char *)(uintptr_t)(last)};                                                           \
    size_t argc_ = 0;                                                                                                  \
    while (argv[argc_] && argc_ + 1 < ARGUMENTS_MAX)                                                                   \
        argv[++argc_] = va_arg(args, char *);                                                                          \
    argv[argc_ + 1 < ARGUMENTS_MAX ? argc_ : ARGUMENTS_MAX - 1] = NULL

XCS_EXPORT int execl(const char *path, const char *arg, ...) {
    va_list args;
    va_start(args, arg);
    AS_ARRAY(argv, arg, args);
    va_end(args);
    return execv(path, argv);
}

XCS_EXPORT int execlp(const char *file, const char *arg, ...) {
    va_list args;
    va_start(args, arg);
    AS_ARRAY(argv, arg, args);
    va_end(args);
    return execvp(file, argv);
}

XCS_EXPORT int execle(const char *path, const char *arg, ...) {
    va_list args;
    va_start(args, arg);
    AS_ARRAY(argv, arg, args);
    char *const *env = va_arg(args, char *const *);
    va_end(args);
    return execve(path, argv, env);
}

XCS_EXPORT int vdprintf(int fd, const char *format, va_list args) {
    if (conn_of(fd))
        conn_forget(fd);
    return REAL(vdprintf)(fd, format, args);
}

XCS_EXPORT int dprintf(int fd, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = vdprintf(fd, format, args);
    va_end(args);
    return r;
}

/* What _FORTIFY_SOURCE calls instead; libc's headers do not declare it for callers. */
int __dprintf_chk(int fd, int flag, const char *format, ...);

XCS_EXPORT int __dprintf_chk(int fd, int flag, const char *format, ...) {
    va_list args;
    (void)flag;
    va_start(args, format);
    int r = vdprintf(fd, format, args);
    va_end(args);
    return r;
}
