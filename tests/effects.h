/*
 * Everything that a run-ahead must not be able to do to the outside, one effect each, shared by test_quarantine (a
 * copy alone: nothing may have happened) and hostile (a program under XCS: each must have happened exactly once).
 *
 * All functions run in a scratch directory that is the working directory. `prepare` makes what the effect acts on,
 * `act` does it once, `happened` counts how often it has been done.
 */
#ifndef XCS_EFFECTS_H
#define XCS_EFFECTS_H

#include <stddef.h>

struct effect {
    const char *name;
    void (*prepare)(void);
    void (*act)(void);
    long (*happened)(void);
};

extern const struct effect effects_path[], effects_fd[], effects_ipc[]; /* each ends with name == NULL */

/* The effect of that name, or NULL. */
const struct effect *effect_named(const char *name);
/* Calls `each` for every effect. */
void effects_all(void (*each)(const struct effect *effect, void *arg), void *arg);

/* Helpers of the tables: they abort the test on failure, since an effect that was never prepared proves nothing. */
int must(long result, const char *what);
int file_with(const char *path, const char *content, int flags);
long size_of(const char *path);
int there(const char *path);

#endif
