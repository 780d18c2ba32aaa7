/*
 * Interposed: getaddrinfo (RFC 3493). A run-ahead must not ask a name server, so main keeps what it has resolved and
 * a run-ahead resolves from that; what is not there it tries itself, which ends at the filter unless a file answers.
 *
 * The list given to the program is laid out as libc's own (one allocation an entry, the address behind it), because libc's
 * freeaddrinfo frees it. Allocating is fine here: getaddrinfo is no async-signal-safe function.
 */
#include "raw.h"
#include "real.h"
#include "shim.h"
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define NAMES 64
#define ADDRESSES 16
#define NAME_MAX_LEN 256

struct address {
    int flags, family, socktype, protocol;
    socklen_t len;
    struct sockaddr_storage addr;
};

static struct resolved {
    char node[NAME_MAX_LEN], service[32];
    struct addrinfo hints;
    size_t count;
    struct address found[ADDRESSES];
} names[NAMES];
static size_t next_name;

static bool same_text(const char *kept, const char *given) {
    return strcmp(kept, given ? given : "") == 0;
}

static bool same_hints(const struct addrinfo *kept, const struct addrinfo *given) {
    return kept->ai_flags == given->ai_flags && kept->ai_family == given->ai_family &&
           kept->ai_socktype == given->ai_socktype && kept->ai_protocol == given->ai_protocol;
}

static struct addrinfo hints_of(const struct addrinfo *hints) {
    if (hints)
        return *hints;
    return (struct addrinfo){.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG}; /* getaddrinfo(3) */
}

static struct resolved *find(const char *node, const char *service, const struct addrinfo *hints) {
    for (size_t i = 0; i < NAMES; i++)
        if (names[i].count && same_text(names[i].node, node) && same_text(names[i].service, service) &&
            same_hints(&names[i].hints, hints))
            return &names[i];
    return NULL;
}

static void remember(const char *node, const char *service, const struct addrinfo *hints, const struct addrinfo *list) {
    sigset_t saved;
    if (!node || strlen(node) >= NAME_MAX_LEN || (service && strlen(service) >= sizeof names->service))
        return;
    xcs_lock(&saved);
    struct resolved *r = find(node, service, hints);
    if (!r)
        r = &names[next_name++ % NAMES];
    r->count = 0;
    strcpy(r->node, node);
    strcpy(r->service, service ? service : "");
    r->hints = *hints;
    for (const struct addrinfo *a = list; a && r->count < ADDRESSES; a = a->ai_next) {
        struct address *to = &r->found[r->count];
        if (!a->ai_addr || a->ai_addrlen > sizeof to->addr)
            continue;
        *to = (struct address){a->ai_flags, a->ai_family, a->ai_socktype, a->ai_protocol, a->ai_addrlen, {0}};
        memcpy(&to->addr, a->ai_addr, a->ai_addrlen);
        r->count++;
    }
    xcs_unlock(&saved);
}

static struct addrinfo *entry_of(const struct address *from) {
    struct addrinfo *a = calloc(1, sizeof *a + from->len);
    if (!a)
        return NULL;
    a->ai_flags = from->flags;
    a->ai_family = from->family;
    a->ai_socktype = from->socktype;
    a->ai_protocol = from->protocol;
    a->ai_addrlen = from->len;
    a->ai_addr = (struct sockaddr *)(a + 1);
    memcpy(a->ai_addr, &from->addr, from->len);
    return a;
}

static int from_kept(const struct resolved *r, const char *node, struct addrinfo **out) {
    struct addrinfo **tail = out;
    *out = NULL;
    for (size_t i = 0; i < r->count; i++) {
        if (!(*tail = entry_of(&r->found[i]))) {
            if (*out)
                freeaddrinfo(*out);
            *out = NULL;
            return EAI_MEMORY;
        }
        tail = &(*tail)->ai_next;
    }
    if (*out && (r->hints.ai_flags & AI_CANONNAME))
        (*out)->ai_canonname = strdup(node);
    return 0;
}

XCS_EXPORT int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out) {
    if (xcs_mode == XCS_MODE_OFF)
        return REAL(getaddrinfo)(node, service, hints, out);
    struct addrinfo key = hints_of(hints);
    if (xcs_mode == XCS_MODE_AHEAD) {
        const struct resolved *r = node ? find(node, service, &key) : NULL;
        return r ? from_kept(r, node, out) : REAL(getaddrinfo)(node, service, hints, out);
    }
    int r = REAL(getaddrinfo)(node, service, hints, out);
    if (r == 0)
        remember(node, service, &key, *out);
    return r;
}
