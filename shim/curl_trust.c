/* See curl_trust.h. What does not fit in the table is taken as never proven: main makes its calls itself. */
#include "curl_trust.h"
#include "shim.h"
#include <string.h>

#define PROVEN 256

static const CURLoption options[] = {
    CURLOPT_SSL_VERIFYPEER,
    CURLOPT_SSL_VERIFYHOST,
    CURLOPT_SSL_VERIFYSTATUS,
    CURLOPT_CAINFO,
    CURLOPT_CAPATH,
    CURLOPT_CAINFO_BLOB,
    CURLOPT_CRLFILE,
    CURLOPT_ISSUERCERT,
    CURLOPT_ISSUERCERT_BLOB,
    CURLOPT_PINNEDPUBLICKEY,
    CURLOPT_SSLVERSION,
    CURLOPT_SSL_CIPHER_LIST,
    CURLOPT_TLS13_CIPHERS,
    CURLOPT_SSL_EC_CURVES,
    CURLOPT_SSL_OPTIONS,
    CURLOPT_PORT,
    CURLOPT_CONNECT_TO,
    CURLOPT_RESOLVE,
    CURLOPT_INTERFACE,
    CURLOPT_PRE_PROXY,
    CURLOPT_PROXY,
    CURLOPT_PROXYPORT,
    CURLOPT_PROXYTYPE,
    CURLOPT_NOPROXY,
    CURLOPT_HTTPPROXYTUNNEL,
    CURLOPT_PROXY_CAINFO,
    CURLOPT_PROXY_CAPATH,
    CURLOPT_PROXY_SSL_VERIFYPEER,
    CURLOPT_PROXY_SSL_VERIFYHOST,
    CURLOPT_PROXY_CAINFO_BLOB,
    CURLOPT_PROXY_CRLFILE,
    CURLOPT_PROXY_ISSUERCERT,
    CURLOPT_PROXY_ISSUERCERT_BLOB,
    CURLOPT_PROXY_PINNEDPUBLICKEY,
    CURLOPT_PROXY_SSLVERSION,
    CURLOPT_PROXY_SSL_CIPHER_LIST,
    CURLOPT_PROXY_TLS13_CIPHERS,
    CURLOPT_PROXY_SSL_OPTIONS,
};

static uint64_t proven[PROVEN];
static size_t nproven;

/* FNV-1a, continued. */
static uint64_t hash(uint64_t h, const void *p, size_t n) {
    const unsigned char *b = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * 1099511628211ull;
    return h;
}

static uint64_t hash_value(uint64_t h, const struct curl_value *v) {
    int type = XCS_CURL_TYPE(v->option);
    h = hash(h, &v->option, sizeof v->option);
    if (type == CURLOPTTYPE_LONG)
        return hash(h, &v->number, sizeof v->number);
    if (!v->pointer)
        return h;
    if (curl_treatment_of(v->option) == CURL_CARRY_LIST) {
        for (const struct curl_slist *item = v->pointer; item; item = item->next)
            h = hash(h, item->data, strlen(item->data) + 1);
        return h;
    }
    return type == CURLOPTTYPE_BLOB ? hash(h, v->pointer, v->len) : hash(h, v->pointer, strlen(v->pointer) + 1);
}

uint64_t curl_trust_of(const struct curl_handle *h, const struct xcs_addr *origin) {
    uint64_t trust = hash(14695981039346656037ull, &origin->u.in6.sin6_addr, sizeof origin->u.in6.sin6_addr);
    trust = hash(trust, &h->lib, sizeof h->lib);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const struct curl_value *v = curl_value_of(h, options[i]);
        if (v)
            trust = hash_value(trust, v);
    }
    return trust;
}

static bool find(uint64_t trust) {
    for (size_t i = 0; i < nproven; i++)
        if (proven[i] == trust)
            return true;
    return false;
}

bool curl_trust_proven(uint64_t trust) {
    sigset_t saved;
    if (xcs_mode == XCS_MODE_AHEAD)
        return find(trust);
    xcs_lock(&saved);
    bool found = find(trust);
    xcs_unlock(&saved);
    return found;
}

void curl_trust_prove(uint64_t trust) {
    sigset_t saved;
    xcs_lock(&saved);
    if (nproven < PROVEN && !find(trust))
        proven[nproven++] = trust;
    xcs_unlock(&saved);
}
