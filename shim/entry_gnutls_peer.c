/*
 * Interposed: what a GnuTLS program tells a session and its credentials about the peer that it wants, and what it asks about the peer that
 * it has got. The former is remembered (gnutls_session.h); the latter is answered in a run-ahead as in main's own session
 * with the same peer.
 */
#include "ahead.h"
#include "entry_gnutls.h"
#include <stdlib.h>
#include <string.h>

/* --- told --- */

static struct gnutls_seen *told(void *session, bool pass) {
    return pass ? NULL : gnutls_session_of(session);
}

static void mix(struct gnutls_seen *s, const void *p, size_t n) {
    if (s)
        s->way.settings = gnutls_mix(s->way.settings, p, n);
}

XCS_EXPORT int gnutls_server_name_set(void *session, int type, const void *name, size_t n) {
    LIBRARY;
    struct gnutls_seen *s = told(session, pass);
    if (s && type == GNUTLS_NAME_DNS && n < GNUTLS_NAME && !memchr(name, '\0', n)) {
        memset(s->way.name, 0, sizeof s->way.name);
        memcpy(s->way.name, name, n);
    } else if (s) {
        s->left = true;
    }
    return lib->gnutls_server_name_set(session, type, name, n);
}

XCS_EXPORT void gnutls_session_set_verify_function(void *session, gnutls_judge *judge) {
    LIBRARY;
    struct gnutls_seen *s = told(session, pass);
    if (s) {
        s->way.judge = judge;
        s->way.verifies = 0;
    }
    lib->gnutls_session_set_verify_function(session, judge);
}

XCS_EXPORT void gnutls_session_set_verify_cert(void *session, const char *host, unsigned flags) {
    LIBRARY;
    struct gnutls_seen *s = told(session, pass);
    if (s) {
        s->way.judge = NULL;
        s->way.verifies = gnutls_mix(gnutls_mix(0, &flags, sizeof flags), host, host ? strlen(host) + 1 : 0);
    }
    lib->gnutls_session_set_verify_cert(session, host, flags);
}

XCS_EXPORT int gnutls_priority_set(void *session, void *priority) {
    LIBRARY;
    mix(told(session, pass), &priority, sizeof priority);
    return lib->gnutls_priority_set(session, priority);
}

XCS_EXPORT int gnutls_priority_set_direct(void *session, const char *text, const char **wrong) {
    LIBRARY;
    mix(told(session, pass), text, text ? strlen(text) : 0);
    return lib->gnutls_priority_set_direct(session, text, wrong);
}

XCS_EXPORT int gnutls_set_default_priority(void *session) {
    LIBRARY;
    mix(told(session, pass), "default", 7);
    return lib->gnutls_set_default_priority(session);
}

XCS_EXPORT int gnutls_set_default_priority_append(void *session, const char *text, const char **wrong, unsigned flags) {
    LIBRARY;
    mix(told(session, pass), text, text ? strlen(text) : 0);
    return lib->gnutls_set_default_priority_append(session, text, wrong, flags);
}

XCS_EXPORT int gnutls_alpn_set_protocols(void *session, const struct gnutls_datum *protocols, unsigned n,
                                         unsigned flags) {
    LIBRARY;
    struct gnutls_seen *s = told(session, pass);
    for (unsigned i = 0; i < n; i++)
        mix(s, protocols[i].data, protocols[i].size);
    return lib->gnutls_alpn_set_protocols(session, protocols, n, flags);
}

XCS_EXPORT int gnutls_certificate_allocate_credentials(void **credentials) {
    LIBRARY;
    int r = lib->gnutls_certificate_allocate_credentials(credentials);
    if (r == GNUTLS_OK && !pass && xcs_mode)
        gnutls_credentials_new(*credentials);
    return r;
}

XCS_EXPORT void gnutls_certificate_free_credentials(void *credentials) {
    LIBRARY;
    if (!pass)
        gnutls_credentials_drop(credentials);
    lib->gnutls_certificate_free_credentials(credentials);
}

XCS_EXPORT void gnutls_certificate_set_verify_function(void *credentials, gnutls_judge *judge) {
    LIBRARY;
    if (!pass)
        gnutls_credentials_judged(credentials, judge);
    lib->gnutls_certificate_set_verify_function(credentials, judge);
}

#define X(type, name, parameters, arguments)                                                                           \
    XCS_EXPORT type name parameters {                                                                                  \
        LIBRARY;                                                                                                       \
        if (!pass)                                                                                                     \
            gnutls_credentials_changed(credentials);                                                                   \
        return lib->name arguments;                                                                                    \
    }
XCS_GNUTLS_CHANGES(X)
#undef X

/* --- asked --- */

static const struct gnutls_witness *witness(struct gnutls_seen *s, const void *session) {
    return s ? gnutls_witness_of(s, session) : NULL;
}

#define X(name)                                                                                                        \
    XCS_EXPORT int name(void *session) {                                                                               \
        LIBRARY;                                                                                                       \
        struct gnutls_seen *s = told(session, pass);                                                                   \
        const struct gnutls_witness *w = witness(s, session);                                                          \
        return w ? w->facts[FACT_##name] : lib->facts[FACT_##name](session);                                           \
    }
XCS_GNUTLS_FACTS(X)
#undef X

XCS_EXPORT const struct gnutls_datum *gnutls_certificate_get_peers(void *session, unsigned *n) {
    LIBRARY;
    struct gnutls_seen *s = told(session, pass);
    const struct gnutls_witness *w = witness(s, session);
    if (!w)
        return lib->gnutls_certificate_get_peers(session, n);
    if (n)
        *n = w->nchain;
    return w->chain;
}

XCS_EXPORT int gnutls_alpn_get_selected_protocol(void *session, struct gnutls_datum *protocol) {
    LIBRARY;
    struct gnutls_seen *s = told(session, pass);
    const struct gnutls_witness *w = witness(s, session);
    if (!w)
        return lib->gnutls_alpn_get_selected_protocol(session, protocol);
    *protocol = w->alpn;
    return w->alpn.size ? GNUTLS_OK : GNUTLS_NOT_AVAILABLE;
}

/* Main's questions and their answers are kept, for the run-ahead's same questions. */
static int answered(struct gnutls_seen *s, uint64_t question, int result, const unsigned *status) {
    if (s && xcs_mode == XCS_MODE_MAIN) {
        size_t i = 0;
        while (i < GNUTLS_QUESTIONS && s->answers[i].question != question)
            i++;
        if (i == GNUTLS_QUESTIONS)
            i = s->nanswers++ % GNUTLS_QUESTIONS;
        s->answers[i] = (struct gnutls_answer){question, result, status ? *status : 0};
    }
    return result;
}

static int answer_ahead(const struct gnutls_witness *w, uint64_t question, unsigned *status) {
    for (size_t i = 0; i < GNUTLS_QUESTIONS; i++) {
        if (w->answers[i].question != question)
            continue;
        if (status)
            *status = w->answers[i].status;
        return w->answers[i].result;
    }
    ahead_end("a question about a TLS peer that main has not asked");
}

static uint64_t question_of(const struct gnutls_typed *data, unsigned n) {
    uint64_t question = gnutls_mix(0, "typed", 5);
    for (unsigned i = 0; i < n; i++) {
        size_t size = data[i].size ? data[i].size : data[i].data ? strlen((const char *)data[i].data) : 0;
        question = gnutls_mix(question, &data[i].type, sizeof data[i].type);
        question = gnutls_mix(question, data[i].data, size);
    }
    return question;
}

XCS_EXPORT int gnutls_certificate_verify_peers(void *session, struct gnutls_typed *data, unsigned n, unsigned *status) {
    LIBRARY;
    struct gnutls_seen *s = told(session, pass);
    const struct gnutls_witness *w = witness(s, session);
    uint64_t question = s ? gnutls_question(s, session, question_of(data, n)) : 0;
    return w ? answer_ahead(w, question, status)
             : answered(s, question, lib->gnutls_certificate_verify_peers(session, data, n, status), status);
}

XCS_EXPORT int gnutls_certificate_verify_peers2(void *session, unsigned *status) {
    LIBRARY;
    struct gnutls_seen *s = told(session, pass);
    const struct gnutls_witness *w = witness(s, session);
    uint64_t question = s ? gnutls_question(s, session, gnutls_mix(0, "2", 1)) : 0;
    return w ? answer_ahead(w, question, status)
             : answered(s, question, lib->gnutls_certificate_verify_peers2(session, status), status);
}

XCS_EXPORT int gnutls_certificate_verify_peers3(void *session, const char *host, unsigned *status) {
    LIBRARY;
    struct gnutls_seen *s = told(session, pass);
    const struct gnutls_witness *w = witness(s, session);
    uint64_t question =
        s ? gnutls_question(s, session, gnutls_mix(gnutls_mix(0, "3", 1), host, host ? strlen(host) + 1 : 0)) : 0;
    return w ? answer_ahead(w, question, status)
             : answered(s, question, lib->gnutls_certificate_verify_peers3(session, host, status), status);
}

/*
 * To resume the session with. The library may read from the descriptor for it, so it must not be asked while that is not
 * the session's own: then what the program was given before is given again.
 */
static const struct gnutls_datum *resumption_kept(struct gnutls_seen *s, const void *session) {
    int fd = -1;
    const struct gnutls_witness *w = witness(s, session);
    if (w)
        return &w->resumption;
    const struct conn *c = s ? gnutls_conn(s, session, &fd) : NULL;
    return c && (c->state == CONN_HIT || c->state == CONN_EOF) ? &s->resumption : NULL;
}

static void keep_resumption(struct gnutls_seen *s, const struct gnutls_datum *data) {
    if (!s || xcs_mode != XCS_MODE_MAIN)
        return;
    free(s->resumption.data);
    s->resumption = gnutls_copy(data);
}

XCS_EXPORT int gnutls_session_get_data2(void *session, struct gnutls_datum *data) {
    LIBRARY;
    struct gnutls_seen *s = told(session, pass);
    const struct gnutls_datum *kept = resumption_kept(s, session);
    if (kept) {
        *data = gnutls_copy(kept);
        return data->data ? GNUTLS_OK : GNUTLS_INVALID_SESSION;
    }
    int r = lib->gnutls_session_get_data2(s ? gnutls_live(s, session) : session, data);
    if (r == GNUTLS_OK)
        keep_resumption(s, data);
    return r;
}

XCS_EXPORT int gnutls_session_get_data(void *session, void *p, size_t *n) {
    LIBRARY;
    struct gnutls_seen *s = told(session, pass);
    const struct gnutls_datum *kept = resumption_kept(s, session);
    if (kept) {
        size_t room = *n;
        *n = kept->size;
        if (!kept->size || room < kept->size)
            return kept->size ? GNUTLS_SHORT_BUFFER : GNUTLS_INVALID_SESSION;
        memcpy(p, kept->data, kept->size);
        return GNUTLS_OK;
    }
    int r = lib->gnutls_session_get_data(s ? gnutls_live(s, session) : session, p, n);
    if (r == GNUTLS_OK && p)
        keep_resumption(s, &(struct gnutls_datum){p, (unsigned)*n});
    return r;
}
