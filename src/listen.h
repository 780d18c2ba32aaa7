/*
 * The listening socket of an engine that programs connect to: a sidecar's, or that of `xcs run --stats`.
 * Called by main.c and run.c.
 */
#ifndef XCS_LISTEN_H
#define XCS_LISTEN_H

/*
 * Makes a SEQPACKET socket at `path` that only this user can use, and returns it, or -1 with errno. What a dead engine left
 * there is replaced; a live one is EADDRINUSE, any other file EEXIST.
 */
int listen_open(const char *path);

#endif
