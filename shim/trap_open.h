/* Opening files in a run-ahead (trap_open.c), for trap_files.c's table. */
#ifndef XCS_TRAP_OPEN_H
#define XCS_TRAP_OPEN_H

#include "trap.h"
#include "trap_path.h"

long serve_open(struct trap *t);   /* open, creat */
long serve_openat(struct trap *t); /* openat */

/* May main make what is not at `place`? 0, and `canon` is what it is called, or a negative error number; else a barrier. */
long may_make(struct trap *t, struct place *place, long dirfd, const char *path);
/* A new file's type and mode, as the program's mask leaves it. */
uint32_t masked(uint32_t type, long mode);

#endif
