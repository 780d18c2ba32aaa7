/* See trace.h. */
#include "trace.h"
#include "clock.h"
#include "graph.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int trace_fd = -1;

void trace_open(const char *path) {
    if (path && *path)
        trace_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

void trace_close(void) {
    if (trace_fd >= 0)
        close(trace_fd);
    trace_fd = -1;
}

static void put(json_t *v, unsigned session, const char *event, const char *detail) {
    json_object_set_new(v, "t", json_real((double)clock_ns() / 1e9));
    json_object_set_new(v, "session", json_integer((json_int_t)session));
    json_object_set_new(v, "event", json_string(event));
    if (detail)
        json_object_set_new(v, "detail", json_string(detail));
    char *text = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(v);
    if (!text)
        return;
    size_t n = strlen(text);
    text[n] = '\n'; /* one write a line, so that processes do not mix theirs */
    if (write(trace_fd, text, n + 1) < 0)
        trace_close();
    free(text);
}

void trace_event(unsigned session, const char *event, uint64_t number, const char *detail) {
    if (trace_fd >= 0)
        put(json_pack("{s:I}", "number", (json_int_t)number), session, event, detail);
}

void trace_node(unsigned session, const char *event, const struct node *n, const char *detail) {
    char site[17];
    if (trace_fd < 0)
        return;
    snprintf(site, sizeof site, "%016llx", (unsigned long long)n->call.site);
    json_t *v = json_pack("{s:I, s:s, s:s, s:I}", "call", (json_int_t)n->id, "site", site, "api", api_name(n->call.api),
                          "request_bytes", (json_int_t)n->request->body.len);
    json_t *edges = json_array();
    for (const struct edge *e = n->edges; e; e = e->next)
        json_array_append_new(edges, json_integer((json_int_t)e->from));
    json_object_set_new(v, "needs", edges);
    if (n->finished_ns) {
        json_object_set_new(v, "seconds", json_real((double)(n->finished_ns - n->started_ns) / 1e9));
        json_object_set_new(v, "response_bytes", json_integer((json_int_t)n->raw_len));
    }
    put(v, session, event, detail);
}
