/*
 * `xcs run`: starts a program with libxcs.so in it. Called by main.c, once.
 */
#ifndef XCS_RUN_H
#define XCS_RUN_H

#include <stdbool.h>

struct run_options {
    bool stats;        /* stay, be the engine, and say on stderr what was gained */
    const char *trace; /* file to record the run in, or NULL */
    char **argv;       /* the program and its arguments, NULL at the end */
};

/*
 * Without stats it becomes the program and does not return. With stats it ends as the program ended: with its exit status or
 * by its signal.
 */
__attribute__((noreturn)) void run_program(const struct run_options *options);

#endif
