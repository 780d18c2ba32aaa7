/*
 * Starts the engine, or connects to the sidecar that XCS_ENGINE names.
 */
#ifndef XCS_ENGINE_START_H
#define XCS_ENGINE_START_H

/* Called by the constructor: remembers what the environment said and where this library lies. */
void engine_start_init(void);

/* A connected channel (close-on-exec), or -1. Does not wait for the engine. Errno untouched. Needs the state lock. */
int engine_start(void);

/* Reaps the holder if it has ended; how many are left (0 or 1). */
int engine_reap(void);

/* In the child of a fork: it is not its child. */
void engine_child_reset(void);

#endif
