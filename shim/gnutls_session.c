/* See gnutls_session.h. Both tables are hashed by address; one lock is for making and dropping entries. */
#include "gnutls_session.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS 1024
#define CREDENTIALS 64
#define STEPS 16 /* an entry is no further than this from its place */

static struct gnutls_seen sessions[SESSIONS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
    const void *at;
    uint64_t number, changes;
    gnutls_judge *judge;
} credentials_known[CREDENTIALS];
static uint64_t numbers;

uint64_t gnutls_mix(uint64_t hash, const void *p, size_t n) {
    const unsigned char *bytes = p;
    hash = (hash ^ n ^ 0xcbf29ce484222325u) * 0x100000001b3u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash ? hash : 1;
}

struct gnutls_datum gnutls_copy(const struct gnutls_datum *from) {
    struct gnutls_datum to = {from->size ? malloc(from->size) : NULL, from->size};
    if (to.data)
        memcpy(to.data, from->data, to.size);
    else
        to.size = 0;
    return to;
}

/* --- sessions --- */

static struct gnutls_seen *place(const void *session, size_t step) {
    return &sessions[(((uintptr_t)session >> 4) * 0x9e3779b1u + step) % SESSIONS];
}

struct gnutls_seen *gnutls_session_of(const void *session) {
    for (size_t i = 0; session && i < STEPS; i++) {
        struct gnutls_seen *s = place(session, i);
        if (atomic_load_explicit(&s->session, memory_order_acquire) == session)
            return s;
    }
    return NULL;
}

struct gnutls_seen *gnutls_session_new(const struct gnutls_lib *lib, const void *session, unsigned flags) {
    struct gnutls_seen *s = NULL;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; !s && i < STEPS; i++)
        if (!atomic_load(&place(session, i)->session))
            s = place(session, i);
    if (s) {
        memset(s, 0, sizeof *s);
        s->lib = lib;
        s->flags = flags;
        s->way.settings = gnutls_mix(0, &flags, sizeof flags);
        atomic_store_explicit(&s->session, session, memory_order_release);
    }
    pthread_mutex_unlock(&lock);
    return s;
}

void gnutls_session_drop(struct gnutls_seen *s) {
    if (s->successor) {
        s->lib->gnutls_deinit(s->successor);
        s->lib->gnutls_certificate_free_credentials(s->successor_credentials);
    }
    free(s->unsent);
    free(s->resumption.data);
    s->unsent = NULL;
    s->resumption = (struct gnutls_datum){NULL, 0};
    atomic_store_explicit(&s->session, NULL, memory_order_release);
}

/* --- credentials --- */

static size_t find(const void *credentials) {
    size_t i = 0;
    while (i < CREDENTIALS && credentials_known[i].at != credentials)
        i++;
    return i;
}

void gnutls_credentials_new(const void *credentials) {
    pthread_mutex_lock(&lock);
    size_t i = find(credentials);
    if (i == CREDENTIALS)
        i = find(NULL);
    if (i < CREDENTIALS) {
        credentials_known[i].at = credentials;
        credentials_known[i].number = ++numbers;
        credentials_known[i].changes = 0;
        credentials_known[i].judge = NULL;
    }
    pthread_mutex_unlock(&lock);
}

void gnutls_credentials_changed(const void *credentials) {
    pthread_mutex_lock(&lock);
    size_t i = find(credentials);
    if (i < CREDENTIALS)
        credentials_known[i].changes++;
    pthread_mutex_unlock(&lock);
}

void gnutls_credentials_judged(const void *credentials, gnutls_judge *judge) {
    pthread_mutex_lock(&lock);
    size_t i = find(credentials);
    if (i < CREDENTIALS) {
        credentials_known[i].changes++;
        credentials_known[i].judge = judge;
    }
    pthread_mutex_unlock(&lock);
}

void gnutls_credentials_drop(const void *credentials) {
    pthread_mutex_lock(&lock);
    size_t i = credentials ? find(credentials) : CREDENTIALS;
    if (i < CREDENTIALS)
        credentials_known[i].at = NULL;
    pthread_mutex_unlock(&lock);
}

void gnutls_credentials_fill(const void *credentials, struct gnutls_way *way) {
    pthread_mutex_lock(&lock);
    size_t i = credentials ? find(credentials) : CREDENTIALS;
    way->credentials = i < CREDENTIALS ? credentials_known[i].number : 0;
    way->changes = i < CREDENTIALS ? credentials_known[i].changes : 0;
    if (i < CREDENTIALS && !way->judge)
        way->judge = credentials_known[i].judge;
    pthread_mutex_unlock(&lock);
}

void gnutls_session_child_reset(void) {
    pthread_mutex_init(&lock, NULL);
}
