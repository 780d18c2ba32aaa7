/*
 * Where libxcs.so is, and how it gets into LD_PRELOAD. Called by run.c before the program starts.
 */
#ifndef XCS_PRELOAD_H
#define XCS_PRELOAD_H

#include <stdbool.h>

/*
 * Puts libxcs.so, found from this executable's own place, in front of what LD_PRELOAD holds. False when there is none or
 * its path cannot stand in LD_PRELOAD (it separates at ':' and ' '), with the reason in *why.
 */
bool preload_set(const char **why);

#endif
