/* See lesson.h. */
#include "lesson.h"
#include "../shim/protocol.h"
#include "decide.h"
#include "response.h"
#include "shape.h"

/* So many answers that taught nothing, and no more are asked for. */
#define LESSONS_MAX 2

void lesson_end(struct lesson *l) {
    json_decref(l->call.body);
    buf_free(&l->raw);
    *l = (struct lesson){0};
}

bool lesson_begin(struct lesson *l, const struct node *n) {
    lesson_end(l);
    if (n->site->shape || n->site->lessons == LESSONS_MAX)
        return false;
    n->site->lessons++;
    l->node = n->id;
    l->site = n->site;
    l->call = n->call;
    json_incref(l->call.body);
    return true;
}

void lesson_read(struct lesson *l, uint64_t node, const char *bytes, size_t len) {
    struct response r;
    if (!l->site || l->node != node || len > XCS_LEARN_MAX - l->raw.len)
        return;
    buf_add(&l->raw, bytes, len);
    switch (response_parse(&r, l->raw.p, l->raw.len, false)) {
    case RESPONSE_MORE:
        return;
    case RESPONSE_WHOLE:
        response_free(&r);
        shape_learn(&l->site->shape, l->raw.p, l->raw.len, &l->call);
        break;
    case RESPONSE_BAD:
        break;
    }
    lesson_end(l);
}
