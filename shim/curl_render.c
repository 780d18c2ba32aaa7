/*
 * See curl_render.h. Called before each curl_easy_perform. Reads what libcurl would read now (lists and bodies that were not
 * copied, proxies from the environment) and decides nothing else.
 */
#include "curl_render.h"
#include "curl_call.h"
#include "request.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADER_LIST_MAX 128 /* with the options less than the engine takes in one request */

struct text {
    char *p;
    size_t len, room;
    bool failed;
};

static void add(struct text *t, const void *p, size_t n) {
    if (t->failed || n > XCS_REQUEST_MAX || t->len > XCS_REQUEST_MAX - n) {
        t->failed = true;
        return;
    }
    if (t->len + n > t->room) {
        size_t room = t->room * 2 > t->len + n ? t->room * 2 : t->len + n + 1024;
        char *more = realloc(t->p, room);
        if (!more) {
            t->failed = true;
            return;
        }
        t->p = more;
        t->room = room;
    }
    memcpy(t->p + t->len, p, n);
    t->len += n;
}

static void add_text(struct text *t, const char *s) {
    add(t, s, strlen(s));
}

static void add_format(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_format(struct text *t, const char *format, ...) {
    char some[64];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(some, sizeof some, format, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof some)
        t->failed = true;
    else
        add(t, some, (size_t)n);
}

static const char hex[] = "0123456789ABCDEF";

static void add_escaped(struct text *t, const char *s) {
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        const char code[3] = {'%', hex[c >> 4], hex[c & 15]};
        bool plain = c > 0x20 && c < 0x7f && c != '%';
        add(t, plain ? s : code, plain ? 1 : sizeof code);
    }
}

/* --- options --- */

static void add_option_text(struct text *t, CURLoption option, const char *value) {
    add_format(t, XCS_CALL_OPTION "%d: %s", (int)option, value ? "=" : "-");
    if (value)
        add_escaped(t, value);
    add_text(t, "\r\n");
}

static void add_option_blob(struct text *t, const struct curl_value *v) {
    const unsigned char *p = v->pointer;
    add_format(t, XCS_CALL_OPTION "%d: =", (int)v->option);
    for (size_t i = 0; i < v->len; i++) {
        const char code[2] = {hex[p[i] >> 4], hex[p[i] & 15]};
        add(t, code, sizeof code);
    }
    add_text(t, "\r\n");
}

/* One that is carried over. */
static void add_option(struct text *t, const struct curl_value *v) {
    if (curl_treatment_of(v->option) == CURL_CARRY_LIST) {
        if (!v->pointer)
            add_option_text(t, v->option, NULL);
        for (const struct curl_slist *item = v->pointer; item; item = item->next)
            add_option_text(t, v->option, item->data);
        return;
    }
    switch (XCS_CURL_TYPE(v->option)) {
    case CURLOPTTYPE_LONG:
    case CURLOPTTYPE_OFF_T:
        add_format(t, XCS_CALL_OPTION "%d: =%lld\r\n", (int)v->option, (long long)v->number);
        break;
    case CURLOPTTYPE_BLOB:
        if (v->pointer) {
            add_option_blob(t, v);
            break;
        }
        /* fall through */
    default:
        add_option_text(t, v->option, v->pointer);
    }
}

static bool is_zero(const struct curl_value *v) {
    return XCS_CURL_TYPE(v->option) == CURLOPTTYPE_LONG || XCS_CURL_TYPE(v->option) == CURLOPTTYPE_OFF_T
               ? v->number == 0
               : v->pointer == NULL;
}

/* The same file to the engine, whatever its directory is. */
static bool is_absolute(const char *path) {
    return !path || *path == '/' || strncmp(path, "sha256//", 8) == 0;
}

/* NULL when they are; else what stands against it. */
static const char *add_options(struct text *t, const struct curl_handle *h) {
    for (size_t i = 0; i < h->count; i++) {
        const struct curl_value *v = &h->values[i];
        enum curl_treatment treatment = curl_treatment_of(v->option);
        if (treatment == CURL_OFF && !is_zero(v))
            return curl_option_name(v->option);
        if (treatment == CURL_PATH && !is_absolute(v->pointer))
            return "a file by a relative name";
        if (treatment == CURL_CARRY || treatment == CURL_CARRY_LIST || treatment == CURL_PATH)
            add_option(t, v);
    }
    return NULL;
}

/* --- what the program's libcurl adds by itself --- */

static const char *environment(const char *one, const char *other) {
    const char *value = getenv(one);
    value = value && *value ? value : other ? getenv(other) : NULL;
    return value && *value ? value : NULL;
}

/* libcurl looks at the environment where no option says otherwise (libcurl-env(3)). The engine's may be another. */
static const char *proxy_of(const struct curl_handle *h, const char *url) {
    const char *proxy = curl_pointer_of(h, CURLOPT_PROXY);
    if (!proxy)
        proxy = strncasecmp(url, "https:", 6) == 0 ? environment("https_proxy", "HTTPS_PROXY")
                                                   : environment("http_proxy", NULL);
    if (!proxy && !curl_pointer_of(h, CURLOPT_PROXY))
        proxy = environment("all_proxy", "ALL_PROXY");
    return proxy;
}

static void add_proxy(struct text *t, const struct curl_handle *h, const char *url) {
    const char *proxy = proxy_of(h, url), *none = curl_pointer_of(h, CURLOPT_NOPROXY);
    if (!none)
        none = environment("no_proxy", "NO_PROXY");
    add_option_text(t, CURLOPT_PROXY, proxy ? proxy : "");
    add_option_text(t, CURLOPT_NOPROXY, none ? none : "");
}

/* What the program's libcurl trusts when nothing was said. False: it is too old to tell. */
static bool add_trust(struct text *t, const struct curl_handle *h) {
    static const struct {
        CURLoption option;
        CURLINFO info;
    } places[] = {{CURLOPT_CAINFO, CURLINFO_CAINFO}, {CURLOPT_CAPATH, CURLINFO_CAPATH}};
    bool blob = curl_pointer_of(h, CURLOPT_CAINFO_BLOB) != NULL;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const struct curl_value *v = curl_value_of(h, places[i].option);
        char *built_in = NULL;
        if (!v && places[i].option == CURLOPT_CAINFO && blob)
            continue;
        if (!v && h->lib->easy_getinfo(h->easy, places[i].info, &built_in) != CURLE_OK)
            return false;
        const char *place = v ? v->pointer : built_in;
        if (!is_absolute(place))
            return false;
        add_option_text(t, places[i].option, place);
    }
    return true;
}

/* --- headers --- */

static bool is_token(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= '0' && p[i] <= '9') ||
              p[i] == '-' || p[i] == '_' || p[i] == '.'))
            return false;
    return n > 0;
}

static bool is_printable(const char *s) {
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
            return false;
    return true;
}

/* Would it tell the engine's parser something of the rendered request itself? */
static bool frames_messages(const char *name, size_t n) {
    static const char *const names[] = {"Content-Length", "Transfer-Encoding", "Connection", "Proxy-Connection",
                                        "Upgrade"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n && strncasecmp(name, names[i], n) == 0)
            return true;
    return strncasecmp(name, XCS_CALL_OPTION, sizeof XCS_CALL_OPTION - 1) == 0;
}

/* "Name: value", with a value, and nothing that is lost when it is parsed and put together again. */
static bool is_plain(const char *item) {
    const char *colon = strchr(item, ':');
    size_t n = colon ? (size_t)(colon - item) : 0;
    return n && is_token(item, n) && !frames_messages(item, n) && colon[1] == ' ' && colon[2] > ' ' &&
           is_printable(item) && item[strlen(item) - 1] != ' ';
}

static bool add_headers(struct text *t, const struct curl_handle *h) {
    size_t n = 0;
    for (const struct curl_slist *item = curl_pointer_of(h, CURLOPT_HTTPHEADER); item; item = item->next) {
        if (n++ == HEADER_LIST_MAX || !item->data)
            return false;
        bool plain = is_plain(item->data);
        add_text(t, plain ? "" : XCS_CALL_HEADER ": =");
        if (plain)
            add_text(t, item->data);
        else
            add_escaped(t, item->data);
        add_text(t, "\r\n");
    }
    return true;
}

/* --- the call --- */

/* The program's own copy of the URL, to be freed; NULL: none, or one that is to be left alone. */
static char *url_of(const struct curl_handle *h) {
    void *parsed = curl_pointer_of(h, CURLOPT_CURLU);
    const char *given = curl_pointer_of(h, CURLOPT_URL);
    char *text = NULL, *copy;
    if (!parsed)
        return given ? strdup(given) : NULL;
    if (!h->lib->url_get || h->lib->url_get(parsed, CURLUPART_URL, &text, 0) != CURLUE_OK)
        return NULL;
    copy = strdup(text);
    h->lib->free(text);
    return copy;
}

/* Scheme, host and port as a name: FNV-1a, twice. It only has to tell origins apart. */
static struct xcs_addr origin_of(const char *url, size_t len) {
    struct xcs_addr addr;
    memset(&addr, 0, sizeof addr);
    addr.len = sizeof addr.u.in6;
    addr.u.in6.sin6_family = XCS_AF_CALL;
    for (size_t half = 0; half < 2; half++) {
        uint64_t hash = 14695981039346656037ull + half;
        for (size_t i = 0; i < len; i++)
            hash = (hash ^ (unsigned char)url[i]) * 1099511628211ull;
        memcpy(addr.u.in6.sin6_addr.s6_addr + 8 * half, &hash, sizeof hash);
    }
    return addr;
}

/* Where the path begins; NULL: no URL of HTTP's, or none that a request line takes as it is. */
static const char *path_of(const char *url) {
    const char *host = strstr(url, "://");
    if (!is_printable(url) || strpbrk(url, " #\\") ||
        (host && strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0))
        return NULL;
    host = host ? host + 3 : url;
    const char *path = host + strcspn(host, "/?");
    return *path == '/' ? path : NULL;
}

static size_t body_length(const struct curl_handle *h) {
    const struct curl_value *size = curl_value_of(h, CURLOPT_POSTFIELDSIZE_LARGE);
    if (size && size->number >= 0)
        return (size_t)size->number;
    return h->postfields ? strlen(h->postfields) : 0;
}

/* NULL: it is added. */
static const char *add_call(struct text *t, const struct curl_handle *h, const char *url, const char *path) {
    size_t len = body_length(h);
    add_text(t, "POST ");
    add_text(t, path);
    add_text(t, " HTTP/1.1\r\n");
    add_option_text(t, CURLOPT_URL, url);
    add_proxy(t, h, url);
    const char *against = add_options(t, h);
    if (!against && !add_trust(t, h))
        against = "trust that it does not tell";
    if (!against && !add_headers(t, h))
        against = "too many headers";
    add_format(t, "Content-Length: %zu\r\n\r\n", len);
    add(t, h->postfields, len);
    return against || !t->failed ? against : "its size";
}

/* Is there, or may there be on its way, a peer that has to be trusted? */
static bool meets_tls(const struct curl_handle *h, const char *url) {
    const struct curl_value *follows = curl_value_of(h, CURLOPT_FOLLOWLOCATION);
    const char *proxy = proxy_of(h, url);
    return strncasecmp(url, "https:", 6) == 0 || (follows && follows->number) ||
           (proxy && strncasecmp(proxy, "https:", 6) == 0);
}

/* Without a scheme the environment's proxy is another one's, and so is what is trusted. */
static bool is_of_a_default(const struct curl_handle *h, const char *url) {
    return curl_pointer_of(h, CURLOPT_DEFAULT_PROTOCOL) && !strstr(url, "://");
}

/* Without a callback of the program's, libcurl itself prints the progress. */
static bool prints_progress(const struct curl_handle *h) {
    const struct curl_value *off = curl_value_of(h, CURLOPT_NOPROGRESS);
    return off && !off->number && !curl_pointer_of(h, CURLOPT_XFERINFOFUNCTION) &&
           !curl_pointer_of(h, CURLOPT_PROGRESSFUNCTION);
}

/* A file that is not there, for libcurl's own default callback: as without XCS. */
static bool lacks_file(const struct curl_handle *h) {
    return !curl_pointer_of(h, CURLOPT_WRITEFUNCTION) && curl_value_of(h, CURLOPT_WRITEDATA) &&
           !curl_pointer_of(h, CURLOPT_WRITEDATA);
}

static bool is_another_method(const struct curl_handle *h) {
    const char *method = curl_pointer_of(h, CURLOPT_CUSTOMREQUEST);
    return method && strcmp(method, "POST") != 0;
}

/* Versions of libcurl fail at the second such call on a connection. */
static bool is_prior_knowledge(const struct curl_handle *h) {
    const struct curl_value *version = curl_value_of(h, CURLOPT_HTTP_VERSION);
    return version && version->number == CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
}

/* A parsed URL beside a text: which of them a transfer says that it went to is not the same in every version. */
static bool has_two_urls(const struct curl_handle *h) {
    return curl_pointer_of(h, CURLOPT_URL) && curl_pointer_of(h, CURLOPT_CURLU);
}

/* How a certificate is put in words depends on the TLS library. */
static bool tells_certificates(const struct curl_handle *h) {
    const struct curl_value *tells = curl_value_of(h, CURLOPT_CERTINFO);
    const curl_version_info_data *v =
        tells && tells->number && h->lib->version_info ? h->lib->version_info(CURLVERSION_NOW) : NULL;
    return tells && tells->number && !(v && v->ssl_version && strncmp(v->ssl_version, "OpenSSL/", 8) == 0);
}

/* What stands against it before anything is written; NULL: nothing. */
static const char *refused(const struct curl_handle *h) {
    return h->opaque                       ? "an option that XCS does not know"
           : h->keeps                      ? "what it keeps of earlier calls"
           : h->in_multi                   ? "a multi handle"
           : h->method != CURL_METHOD_POST ? "another method or form of body"
           : !h->postfields                ? "a body that is read"
           : h->no_body || h->uploads      ? "another method"
           : is_another_method(h)          ? "another method"
           : is_prior_knowledge(h)         ? "HTTP/2 without asking first"
           : tells_certificates(h)         ? "certificates in the words of another TLS library"
           : has_two_urls(h)               ? "two URLs"
           : prints_progress(h)            ? "a progress meter"
           : lacks_file(h)                 ? "nowhere to write to"
                                           : NULL;
}

bool curl_render(const struct curl_handle *h, struct curl_call *out, const char **against) {
    struct text t = {0};
    char *url = url_of(h);
    const char *path = url ? path_of(url) : NULL;
    *against = NULL;
    if (path && request_is_model_target(path, strlen(path))) {
        *against = is_of_a_default(h, url) ? "a scheme that is a default" : refused(h);
        if (!*against)
            *against = add_call(&t, h, url, path);
        if (!*against) {
            bool tls = meets_tls(h, url);
            *out = (struct curl_call){origin_of(url, (size_t)(path - url)), url, t.p, t.len, body_length(h), tls};
            return true;
        }
    }
    free(t.p);
    free(url);
    return false;
}

void curl_call_free(struct curl_call *c) {
    free(c->url);
    free(c->text);
    *c = (struct curl_call){0};
}
