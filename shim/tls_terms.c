/* See tls_terms.h. Calls the library, so never with the state lock. Constants are those of openssl/ssl.h, which is not needed to build. */
#include "tls_terms.h"
#include <dlfcn.h>
#include <string.h>

#define CTRL_GET_STATUS_RESPONSE 70
#define CTRL_CERT_FLAGS 99
#define CTRL_GET_STATUS_CALLBACK 128
#define CTRL_GET_STATUS_CALLBACK_ARG 129
#define CTRL_GET_STATUS_TYPE 127
#define NO_STATUS_TYPE (-1)
#define CTRL_GET_MIN_VERSION 130
#define CTRL_GET_MAX_VERSION 131
#define CTRL_GET_VERIFY_STORE 137
#define SUITE_B 0x30000L

/* A session's own offer takes the place of its context's. */
#define MARK_HTTP11 1u /* offers "http/1.1" and nothing else */
#define MARK_ALPN 2u   /* offers other protocols */
#define MARK_OWN 4u    /* a session's: it has an offer of its own */
#define MARK_ODD                                                                                                       \
    8u /* its handshake is no one's to foretell: a verification of the program's own, a public log's, ... */
#define MARK_WATCHED 16u /* a callback sees each record */
#define MARK_CHOICES 5   /* from this bit on: a hash of the groups and signatures that were chosen */

/* Commands of SSL_ctrl whose effect no other tells: an array of as many integers, or text. */
static const struct {
    int command;
    bool is_text;
} choices[] = {{91, false}, {92, true}, {97, false}, {98, true}}; /* SET_GROUPS(_LIST), SET_SIGALGS(_LIST) */

static uintptr_t mark_of(const struct tls_lib *lib, const void *object, bool is_context) {
    return (uintptr_t)(is_context ? lib->SSL_CTX_get_ex_data(object, lib->context_mark)
                                  : lib->SSL_get_ex_data(object, lib->session_mark));
}

static void set_mark(const struct tls_lib *lib, void *object, bool is_context, uintptr_t mark) {
    if (is_context)
        lib->SSL_CTX_set_ex_data(object, lib->context_mark, (void *)mark);
    else
        lib->SSL_set_ex_data(object, lib->session_mark, (void *)mark);
}

void tls_mark_alpn(const struct tls_lib *lib, void *object, bool is_context, const unsigned char *protocols,
                   unsigned n) {
    static const unsigned char http11[] = "\x08http/1.1";
    if (!lib->lazy)
        return;
    bool same = n == sizeof http11 - 1 && memcmp(protocols, http11, n) == 0;
    uintptr_t mark = mark_of(lib, object, is_context) & ~(uintptr_t)(MARK_HTTP11 | MARK_ALPN);
    mark |= is_context ? 0 : MARK_OWN;
    set_mark(lib, object, is_context, mark | (same ? MARK_HTTP11 : n ? MARK_ALPN : 0));
}

void tls_mark_choice(const struct tls_lib *lib, void *object, bool is_context, int command, long number,
                     const void *data) {
    for (size_t i = 0; lib->lazy && data && i < sizeof choices / sizeof *choices; i++) {
        if (choices[i].command != command)
            continue;
        uintptr_t old = mark_of(lib, object, is_context);
        uint64_t h = (old >> MARK_CHOICES) ^ (uint64_t)command;
        size_t n = choices[i].is_text ? strlen(data) : (size_t)number * sizeof(int);
        for (const unsigned char *p = data; n > 0; n--)
            h = (h ^ *p++) * 0x100000001b3u;
        set_mark(lib, object, is_context, (old & ((1u << MARK_CHOICES) - 1)) | (uintptr_t)(h << MARK_CHOICES));
    }
}

void tls_mark_odd(const struct tls_lib *lib, void *object, bool is_context) {
    if (lib->lazy)
        set_mark(lib, object, is_context, mark_of(lib, object, is_context) | MARK_ODD);
}

void tls_mark_watched(const struct tls_lib *lib, void *object, bool is_context) {
    if (lib->lazy)
        set_mark(lib, object, is_context, mark_of(lib, object, is_context) | MARK_WATCHED);
}

static uintptr_t marks(const struct tls_lib *lib, void *ssl) {
    uintptr_t own = mark_of(lib, ssl, false), context = mark_of(lib, lib->SSL_get_SSL_CTX(ssl), true);
    uintptr_t offer = (own & MARK_OWN ? own : context) & (MARK_HTTP11 | MARK_ALPN);
    uintptr_t chosen = (own >> MARK_CHOICES) ^ (context >> MARK_CHOICES) * 31;
    bool logged = lib->SSL_ct_is_enabled && lib->SSL_ct_is_enabled(ssl);
    return offer | ((own | context) & (MARK_ODD | MARK_WATCHED)) | (logged ? MARK_ODD : 0) | chosen << MARK_CHOICES;
}

/* The ciphers are entries of the library's own table: their addresses tell them apart. */
static uint64_t ciphers(const struct tls_lib *lib, void *ssl) {
    const void *list = lib->SSL_get_ciphers(ssl);
    uint64_t h = 0;
    int n = list ? lib->OPENSSL_sk_num(list) : 0;
    for (int i = 0; i < n; i++)
        h = (h ^ (uintptr_t)lib->OPENSSL_sk_value(list, i)) * 0x100000001b3u;
    return h;
}

struct tls_terms tls_terms_of(const struct tls_lib *lib, void *ssl) {
    return (struct tls_terms){.min_version = lib->SSL_ctrl(ssl, CTRL_GET_MIN_VERSION, 0, NULL),
                              .max_version = lib->SSL_ctrl(ssl, CTRL_GET_MAX_VERSION, 0, NULL),
                              .options = lib->SSL_get_options(ssl),
                              .ciphers = ciphers(lib, ssl),
                              .security_level = lib->SSL_get_security_level(ssl),
                              .security_callback = lib->SSL_get_security_callback(ssl),
                              .marks = marks(lib, ssl)};
}

/* Is a callback's code in the file of that name, or one that begins so? */
static bool lies_in(const void *callback, const char *file) {
    Dl_info info;
    if (!dladdr(callback, &info) || !info.dli_fname)
        return false;
    const char *slash = strrchr(info.dli_fname, '/');
    return strncmp(slash ? slash + 1 : info.dli_fname, file, strlen(file)) == 0;
}

/*
 * Ruby's binding always sets callbacks of its own: one looks at what a server does and at nothing else, Net::HTTP's keeps a session for
 * the same object's next connection.
 */
static bool is_idle(const void *callback) {
    return !callback || lies_in(callback, "openssl.so");
}

/* A binding's own code stands between the library and the program, and asks nothing of the session that has no handshake yet. */
static bool is_bindings(const void *callback) {
    return !callback || lies_in(callback, "openssl.so") || lies_in(callback, "SSLeay.so") ||
           lies_in(callback, "php"); /* php8.2, say */
}

static void *store_of(const struct tls_lib *lib, void *ssl) {
    void *store = NULL;
    lib->SSL_ctrl(ssl, CTRL_GET_VERIFY_STORE, 0, &store);
    return store ? store : lib->SSL_CTX_get_cert_store(lib->SSL_get_SSL_CTX(ssl));
}

/* The callbacks that are called when a verification is tried before the handshake: would one of them notice? */
static bool verifies_unseen(const struct tls_lib *lib, void *ssl) {
    void *status = NULL, *store = store_of(lib, ssl), *callback = lib->SSL_get_verify_callback(ssl);
    lib->SSL_CTX_ctrl(lib->SSL_get_SSL_CTX(ssl), CTRL_GET_STATUS_CALLBACK, 0, &status);
    /* The session's callback takes the place of its store's. */
    return is_bindings(callback) && is_bindings(status) && store && (callback || !lib->X509_STORE_get_verify_cb(store));
}

bool tls_terms_plain(const struct tls_lib *lib, void *ssl, const struct tls_terms *terms) {
    void *context = lib->SSL_get_SSL_CTX(ssl), *info = lib->SSL_get_info_callback(ssl);
    return !(terms->marks & (MARK_ODD | MARK_ALPN | MARK_WATCHED)) && !lib->SSL_get_certificate(ssl) &&
           !lib->SSL_CTX_get_client_cert_cb(context) && !lib->SSL_CTX_get_keylog_callback(context) && is_idle(info) &&
           is_idle(lib->SSL_CTX_sess_get_new_cb(context)) && !lib->SSL_get_session(ssl) && verifies_unseen(lib, ssl);
}

bool tls_terms_watched(const struct tls_lib *lib, void *ssl) {
    return lib->lazy &&
           ((marks(lib, ssl) & MARK_WATCHED) || !is_idle(lib->SSL_CTX_sess_get_new_cb(lib->SSL_get_SSL_CTX(ssl))));
}

bool tls_terms_stapled(const struct tls_lib *lib, void *ssl) {
    unsigned char *response = NULL;
    return lib->SSL_ctrl(ssl, CTRL_GET_STATUS_RESPONSE, 0, &response) > 0;
}

/* The program looks at what the server has stapled to its certificate: nothing. */
static bool accepts_no_staple(const struct tls_lib *lib, void *ssl) {
    int (*callback)(void *, void *) = NULL;
    void *arg = NULL, *context = lib->SSL_get_SSL_CTX(ssl);
    lib->SSL_CTX_ctrl(context, CTRL_GET_STATUS_CALLBACK, 0, &callback);
    lib->SSL_CTX_ctrl(context, CTRL_GET_STATUS_CALLBACK_ARG, 0, &arg);
    return lib->SSL_ctrl(ssl, CTRL_GET_STATUS_TYPE, 0, NULL) == NO_STATUS_TYPE || !callback || callback(ssl, arg) > 0;
}

/* As the library does it when a server's certificates have come: the same steps, in the same order. */
static bool verify(const struct tls_lib *lib, void *ssl, void *verification, void *certificate, void *chain) {
    void *callback = lib->SSL_get_verify_callback(ssl);
    if (lib->X509_STORE_CTX_init(verification, store_of(lib, ssl), certificate, chain) != 1)
        return false;
    void *param = lib->X509_STORE_CTX_get0_param(verification);
    lib->X509_VERIFY_PARAM_set_auth_level(param, lib->SSL_get_security_level(ssl));
    lib->X509_STORE_CTX_set_flags(verification,
                                  (unsigned long)(lib->SSL_ctrl(ssl, CTRL_CERT_FLAGS, 0, NULL) & SUITE_B));
    if (!lib->X509_STORE_CTX_set_ex_data(verification, lib->SSL_get_ex_data_X509_STORE_CTX_idx(), ssl))
        return false;
    lib->X509_STORE_CTX_set_default(verification, "ssl_server");
    lib->X509_VERIFY_PARAM_set1(param, lib->SSL_get0_param(ssl));
    if (callback)
        lib->X509_STORE_CTX_set_verify_cb(verification, callback);
    bool ok = lib->X509_verify_cert(verification) > 0 || lib->SSL_get_verify_mode(ssl) == 0;
    if (ok) {
        lib->SSL_set_verify_result(ssl, lib->X509_STORE_CTX_get_error(verification));
        lib->X509_VERIFY_PARAM_move_peername(lib->SSL_get0_param(ssl), param);
    }
    return ok;
}

bool tls_terms_shown(const struct tls_lib *lib, const void *verification, const void *certificate, const void *chain) {
    const void *seen = lib->X509_STORE_CTX_get0_untrusted(verification);
    int n = lib->OPENSSL_sk_num(chain);
    bool same = lib->X509_cmp(lib->X509_STORE_CTX_get0_cert(verification), certificate) == 0 && seen &&
                lib->OPENSSL_sk_num(seen) == n;
    for (int i = 0; same && i < n; i++)
        same = lib->X509_cmp(lib->OPENSSL_sk_value(seen, i), lib->OPENSSL_sk_value(chain, i)) == 0;
    return same;
}

bool tls_terms_accept(const struct tls_lib *lib, void *ssl, void *certificate, void *chain, bool stapled) {
    /* Somebody else than X509_verify_cert has a say. */
    if (marks(lib, ssl) & MARK_ODD)
        return false;
    lib->ERR_set_mark();
    void *verification = lib->X509_STORE_CTX_new();
    bool ok =
        verification && verify(lib, ssl, verification, certificate, chain) && (stapled || accepts_no_staple(lib, ssl));
    lib->X509_STORE_CTX_free(verification);
    lib->ERR_pop_to_mark();
    return ok;
}
