/*
 * The trace: one JSON object a line for each event of a run. Sizes, times, sites and decisions; never a body, a header or
 * a query string. The file is created 0600 and appended to; a trace that cannot be written is silently none.
 */
#ifndef XCS_TRACE_H
#define XCS_TRACE_H

#include <stdint.h>

struct node;

void trace_open(const char *path);
void trace_close(void);

/* `detail` may be NULL. */
void trace_node(unsigned session, const char *event, const struct node *n, const char *detail);
void trace_event(unsigned session, const char *event, uint64_t number, const char *detail);

#endif
