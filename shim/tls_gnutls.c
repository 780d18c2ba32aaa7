/*
 * GnuTLS's row of struct tls_kind (tls.h), and what a run-ahead's clients are told about a peer. GnuTLS cannot peek, and a session
 * cannot begin again: after a reconnection another one carries the bytes (gnutls_live).
 */
#include "tls_gnutls.h"
#include "fdtab.h"
#include "raw.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOKS 8

static int session_fd(const void *functions, const void *session) {
    const struct gnutls_lib *lib = functions;
    const struct gnutls_seen *s = gnutls_session_of(session);
    void *in = NULL, *out = NULL;
    if (!s || s->left)
        return -1;
    lib->gnutls_transport_get_ptr2((void *)(uintptr_t)session, &in, &out);
    return in == out && (uintptr_t)in < XCS_FDS ? (int)(uintptr_t)in : -1;
}

/* --- the peer --- */

static void *credentials_of(const struct gnutls_lib *lib, void *session) {
    void *credentials = NULL;
    return lib->gnutls_credentials_get(session, GNUTLS_CERTIFICATE, &credentials) == GNUTLS_OK ? credentials : NULL;
}

static bool has_certificate(const struct gnutls_lib *lib, void *session) {
    struct gnutls_datum first;
    void *credentials = credentials_of(lib, session);
    return !credentials || lib->gnutls_certificate_get_crt_raw(credentials, 0, 0, &first) != GNUTLS_NOT_AVAILABLE;
}

/* How the session, about to begin, is to judge its peer. */
static void way_of(const struct gnutls_seen *s, void *session, struct gnutls_way *way) {
    memcpy(way, &s->way, sizeof *way);
    gnutls_credentials_fill(credentials_of(s->lib, session), way);
}

void gnutls_judged(struct gnutls_seen *s, void *session) {
    gnutls_credentials_fill(credentials_of(s->lib, session), &s->way);
}

uint64_t gnutls_question(const struct gnutls_seen *s, void *session, uint64_t question) {
    struct gnutls_way way;
    way_of(s, session, &way);
    question = gnutls_mix(question, &way.credentials, sizeof way.credentials);
    return gnutls_mix(question, &way.changes, sizeof way.changes);
}

static bool asked_to_leave(const struct gnutls_lib *lib, void *live) {
    struct gnutls_datum alpn = {0};
    bool chosen = lib->gnutls_alpn_get_selected_protocol(live, &alpn) == GNUTLS_OK && alpn.size;
    return lib->gnutls_certificate_get_ours(live) || lib->gnutls_certificate_client_get_request_status(live) ||
           (chosen && !(alpn.size == 8 && memcmp(alpn.data, "http/1.1", 8) == 0));
}

static size_t key_of(const struct gnutls_lib *lib, const struct gnutls_datum *der, char *out, size_t size) {
    void *certificate = NULL, *key = NULL;
    bool ok = lib->gnutls_x509_crt_init(&certificate) == GNUTLS_OK &&
              lib->gnutls_x509_crt_import(certificate, der, GNUTLS_DER) == GNUTLS_OK &&
              lib->gnutls_pubkey_init(&key) == GNUTLS_OK &&
              lib->gnutls_pubkey_import_x509(key, certificate, 0) == GNUTLS_OK &&
              lib->gnutls_pubkey_export(key, GNUTLS_DER, out, &size) == GNUTLS_OK;
    if (key)
        lib->gnutls_pubkey_deinit(key);
    if (certificate)
        lib->gnutls_x509_crt_deinit(certificate);
    return ok ? size : 0;
}

static void free_witness(struct gnutls_witness *g) {
    if (!g)
        return;
    for (unsigned i = 0; i < g->nchain; i++)
        free(g->chain[i].data);
    free(g->chain);
    free(g->resumption.data);
    free(g);
}

static bool copy_chain(struct gnutls_witness *g, const struct gnutls_datum *chain, unsigned n) {
    g->chain = calloc(n, sizeof *g->chain);
    for (; g->chain && g->nchain < n; g->nchain++) {
        g->chain[g->nchain] = gnutls_copy(&chain[g->nchain]);
        if (!g->chain[g->nchain].data)
            return false;
    }
    return g->chain != NULL;
}

static struct gnutls_witness *witness(const struct gnutls_lib *lib, void *session, const struct gnutls_datum *chain,
                                      unsigned n) {
    const struct gnutls_seen *s = gnutls_session_of(session);
    struct gnutls_witness *g = calloc(1, sizeof *g);
    struct gnutls_datum alpn = {0};
    if (!g || !copy_chain(g, chain, n)) {
        free_witness(g);
        return NULL;
    }
    memcpy(&g->way, &s->way, sizeof g->way);
    for (size_t i = 0; i < FACTS; i++)
        g->facts[i] = lib->facts[i](session);
    memcpy(g->answers, s->answers, sizeof g->answers);
    g->nanswers = s->nanswers;
    g->resumption = gnutls_copy(&s->resumption);
    if (lib->gnutls_alpn_get_selected_protocol(session, &alpn) == GNUTLS_OK && alpn.size <= sizeof g->alpn_bytes) {
        memcpy(g->alpn_bytes, alpn.data, alpn.size);
        g->alpn = (struct gnutls_datum){g->alpn_bytes, alpn.size};
    }
    return g;
}

static size_t describe(const void *functions, void *session, char *out, size_t size, struct tls_witness *w) {
    const struct gnutls_lib *lib = functions;
    struct gnutls_seen *s = gnutls_session_of(session);
    void *live = gnutls_live(s, session);
    unsigned n = 0;
    if (!s || has_certificate(lib, session) || asked_to_leave(lib, live))
        return 0;
    const struct gnutls_datum *chain = lib->gnutls_certificate_get_peers(live, &n);
    size_t name = strlen(s->way.name) + 1;
    if (!chain || !n || name >= size)
        return 0;
    memcpy(out, s->way.name, name);
    size_t key = key_of(lib, chain, out + name, size - name);
    if (!key || (w && !(w->gnutls = witness(lib, session, chain, n))))
        return 0;
    return name + key;
}

static void forget(struct tls_witness *w) {
    free_witness(w->gnutls);
}

static bool same(const struct tls_witness *w, const char *met, void *session) {
    const struct gnutls_lib *lib = w->lib;
    struct gnutls_way way;
    (void)met;
    way_of(gnutls_session_of(session), session, &way);
    return way.credentials && memcmp(&way, &w->gnutls->way, sizeof way) == 0 && !has_certificate(lib, session);
}

/* --- the bytes --- */

static void *live_of(const struct tls *t) {
    return gnutls_live(gnutls_session_of(t->ssl), t->ssl);
}

/*
 * Nothing is taken out of the library: records that turn out to be no answer (session tickets) make the program's own read
 * return GNUTLS_E_AGAIN, also on a blocking descriptor, and it reads once more.
 */
static bool waits(struct tls *t, int fd) {
    const struct gnutls_lib *lib = t->lib;
    struct pollfd p = {fd, POLLIN, 0};
    struct timespec now = {0, 0};
    return !lib->gnutls_record_check_pending(live_of(t)) && xcs_sys5(SYS_ppoll, &p, 1, &now, 0, 0) != 1;
}

/* Asked only of a session that is to bring no data: bytes that nobody asked for (a 408, say) are followed by the end. */
static int peek(struct tls *t, bool *alive) {
    const struct gnutls_lib *lib = t->lib;
    char byte;
    *alive = true;
    /* Session tickets come before what follows them. */
    for (int look = 0; *alive && look < LOOKS && !waits(t, session_fd(lib, t->ssl)); look++) {
        ssize_t r = lib->gnutls_record_recv(live_of(t), &byte, 1);
        *alive = r == GNUTLS_AGAIN || r == GNUTLS_INTERRUPTED;
    }
    return 0;
}

static ssize_t send_bytes(struct tls *t, const void *p, size_t n) {
    const struct gnutls_lib *lib = t->lib;
    ssize_t r = lib->gnutls_record_send(live_of(t), p, n);
    t->error = r < 0 ? (int)r : 0;
    if (r < 0)
        errno = r == GNUTLS_AGAIN ? EAGAIN : r == GNUTLS_INTERRUPTED ? EINTR : EPROTO;
    return r < 0 ? -1 : r;
}

/* --- a new session for the same peer --- */

static bool prepare(const struct gnutls_lib *lib, void *next, void *like, const struct gnutls_seen *s,
                    void *credentials) {
    const char *version = lib->gnutls_protocol_get_name(lib->facts[FACT_gnutls_protocol_get_version](like));
    const char *cipher = lib->gnutls_cipher_get_name(lib->facts[FACT_gnutls_cipher_get](like));
    char wanted[128];
    snprintf(wanted, sizeof wanted, "NORMAL:-VERS-ALL:+VERS-%s:-CIPHER-ALL:+%s", version ? version : "",
             cipher ? cipher : "");
    return lib->gnutls_priority_set_direct(next, wanted, NULL) == GNUTLS_OK &&
           lib->gnutls_credentials_set(next, GNUTLS_CERTIFICATE, credentials) == GNUTLS_OK &&
           (!*s->way.name ||
            lib->gnutls_server_name_set(next, GNUTLS_NAME_DNS, s->way.name, strlen(s->way.name)) == GNUTLS_OK);
}

static bool shake(const struct gnutls_lib *lib, void *next, void *like) {
    /* A session that was resumed tells another exchange than one from the beginning. */
    static const enum gnutls_fact same_as_before[] = {FACT_gnutls_protocol_get_version, FACT_gnutls_cipher_get,
                                                      FACT_gnutls_mac_get, FACT_gnutls_kx_get};
    size_t n = sizeof same_as_before / sizeof *same_as_before - (lib->facts[FACT_gnutls_session_is_resumed](like) != 0);
    int r;
    do
        r = lib->gnutls_handshake(next);
    while (r == GNUTLS_INTERRUPTED || r == GNUTLS_WARNING_ALERT);
    for (size_t i = 0; r == GNUTLS_OK && i < n; i++)
        if (lib->facts[same_as_before[i]](next) != lib->facts[same_as_before[i]](like))
            return false;
    return r == GNUTLS_OK;
}

/*
 * The successor's credentials accept every peer: what it proves is that the peer has the very key that the program has
 * accepted (the caller compares), with the same version, cipher, MAC and exchange as the program's own session has.
 */
static bool again(struct tls *t, int fd) {
    const struct gnutls_lib *lib = t->lib;
    struct gnutls_seen *s = gnutls_session_of(t->ssl);
    void *next = NULL, *credentials = NULL;
    if (!s || lib->gnutls_certificate_allocate_credentials(&credentials) != GNUTLS_OK)
        return false;
    bool ok =
        lib->gnutls_init(&next, s->flags | GNUTLS_QUIET) == GNUTLS_OK && prepare(lib, next, t->ssl, s, credentials);
    if (ok)
        lib->gnutls_transport_set_int2(next, fd, fd);
    if (!ok || !shake(lib, next, t->ssl)) {
        if (next)
            lib->gnutls_deinit(next);
        lib->gnutls_certificate_free_credentials(credentials);
        return false;
    }
    void *old = s->successor, *old_credentials = s->successor_credentials;
    s->successor_credentials = credentials;
    atomic_store_explicit(&s->successor, next, memory_order_release);
    if (old) {
        lib->gnutls_deinit(old);
        lib->gnutls_certificate_free_credentials(old_credentials);
    }
    return true;
}

const struct tls_kind tls_gnutls = {.fd = session_fd,
                                    .describe = describe,
                                    .same = same,
                                    .forget = forget,
                                    .peek = peek,
                                    .send = send_bytes,
                                    .again = again,
                                    .waits = waits};
