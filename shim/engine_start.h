/*
 * Starts the engine, or connects to the sidecar that XCS_ENGINE names.
 */
#ifndef XCS_ENGINE_START_H
#define XCS_ENGINE_START_H

/* Called by the constructor: remembers what the environment said and where this library lies. */
void engine_start_init(void);

/* A connected channel (close-on-exec), or -1. Does not wait for the engine. Errno untouched. Needs the state lock. */
int engine_start(void);

/* Reaps the holder if it has ended. */
void engine_reap(void);

#endif
