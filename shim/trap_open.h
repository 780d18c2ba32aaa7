/* Opening files in a run-ahead (trap_open.c), for trap_files.c's table. */
#ifndef XCS_TRAP_OPEN_H
#define XCS_TRAP_OPEN_H

#include "trap.h"

long serve_open(struct trap *t);   /* open, creat */
long serve_openat(struct trap *t); /* openat */

#endif
