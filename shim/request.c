/* Request framing (request.h). Called from conn.c with the state lock held; allocates nothing, calls nothing. */
#include "request.h"
#include "apis.h"
#include "protocol.h"
#include <string.h>

#define HEAD_MAX (64u * 1024u)

struct span {
    const char *p;
    size_t n;
};

static const char *const model_paths[] = {
#define X(id, name, path, ...) path,
    XCS_MODEL_APIS(X)
#undef X
};

static const char *const other_methods[] = {"GET ", "HEAD ", "PUT ", "DELETE ", "PATCH ", "OPTIONS "};

void request_init(struct request *r) {
    memset(r, 0, sizeof *r);
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool same_nocase(struct span a, const char *b) {
    size_t n = strlen(b);
    if (a.n != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(a.p[i]) != b[i])
            return false;
    return true;
}

static bool has_token(struct span value, const char *token) {
    size_t n = strlen(token);
    for (size_t i = 0; i + n <= value.n; i++)
        if (same_nocase((struct span){value.p + i, n}, token))
            return true;
    return false;
}

/* Could `buf` still become, or is it already, a text that begins with `prefix`? */
static bool may_begin(const char *buf, size_t len, const char *prefix) {
    size_t n = strlen(prefix);
    return memcmp(buf, prefix, len < n ? len : n) == 0;
}

bool request_is_model_target(const char *p, size_t len) {
    struct span target = {p, len};
    const char *q = memchr(target.p, '?', target.n);
    size_t n = q ? (size_t)(q - target.p) : target.n;
    for (size_t i = 0; i < sizeof model_paths / sizeof *model_paths; i++)
        if (xcs_path_fits(target.p, n, model_paths[i]))
            return true;
    return false;
}

static bool parse_length(struct span v, size_t *out) {
    size_t n = 0;
    if (v.n == 0 || v.n > 18)
        return false;
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] < '0' || v.p[i] > '9')
            return false;
        n = n * 10 + (size_t)(v.p[i] - '0');
    }
    *out = n;
    return true;
}

static struct span trimmed(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (struct span){p, (size_t)(end - p)};
}

struct framing {
    bool has_length, chunked, odd;
    size_t length;
};

/* Reads the header lines in [p, end); `odd` for whatever XCS leaves alone. */
static struct framing read_framing(const char *p, const char *end) {
    struct framing f = {0};
    while (p < end) {
        const char *eol = memchr(p, '\r', (size_t)(end - p));
        const char *colon = eol ? memchr(p, ':', (size_t)(eol - p)) : NULL;
        if (!colon || eol[1] != '\n' || *p == ' ' || *p == '\t') {
            f.odd = true;
            return f;
        }
        struct span name = {p, (size_t)(colon - p)};
        struct span value = trimmed(colon + 1, eol);
        if (same_nocase(name, "content-length")) {
            f.odd |= f.has_length || !parse_length(value, &f.length);
            f.has_length = true;
        } else if (same_nocase(name, "transfer-encoding")) {
            f.odd |= f.chunked || !same_nocase(value, "chunked");
            f.chunked = true;
        } else if (same_nocase(name, "expect") || same_nocase(name, "upgrade") || same_nocase(name, "trailer")) {
            f.odd = true;
        } else if (same_nocase(name, "connection")) {
            f.odd |= has_token(value, "upgrade");
        }
        p = eol + 2;
    }
    f.odd |= f.has_length && f.chunked;
    return f;
}

/* Follows the chunks from r->scan. True when the last one is there (r->total set); *bad when they are malformed. */
static bool chunks_end(struct request *r, const char *buf, size_t len, bool *bad) {
    while (r->scan < len) {
        const char *line = buf + r->scan;
        const char *nl = memchr(line, '\n', len - r->scan);
        size_t size = 0, digits = 0;
        if (!nl) {
            *bad = len - r->scan > 32;
            return false;
        }
        for (const char *p = line; p < nl && digits < 8; p++, digits++) {
            char c = lower(*p);
            if (c >= '0' && c <= '9')
                size = size * 16 + (size_t)(c - '0');
            else if (c >= 'a' && c <= 'f')
                size = size * 16 + (size_t)(c - 'a' + 10);
            else
                break;
        }
        size_t line_len = (size_t)(nl - line) + 1;
        if (digits == 0 || line_len != digits + 2 || line[digits] != '\r') {
            *bad = true; /* an extension, or not a chunk at all: leave it alone */
            return false;
        }
        size_t next = r->scan + line_len + size + 2; /* the CRLF after the data, or the empty line at the end */
        if (next > XCS_REQUEST_MAX) {
            *bad = true;
            return false;
        }
        if (size == 0) {
            if (next > len)
                return false;
            *bad = memcmp(buf + next - 2, "\r\n", 2) != 0; /* trailers */
            r->total = next;
            return !*bad;
        }
        r->scan = next;
    }
    return false;
}

/* The head is complete and known to be a model call's: find where the body ends. */
static enum request_kind feed_body(struct request *r, const char *buf, size_t len) {
    if (r->chunked && r->total == 0) {
        bool bad = false;
        if (!chunks_end(r, buf, len, &bad))
            return bad ? REQUEST_FORGET : REQUEST_NEED;
    }
    return len >= r->total ? REQUEST_MODEL : REQUEST_NEED;
}

static enum request_kind not_model(struct request *r, const char *buf, size_t len, const char *headers) {
    const char *empty = memmem(buf, len, "\r\n\r\n", 4);
    if (!empty)
        return REQUEST_FORGET;
    struct framing f = read_framing(headers, empty + 2);
    if (f.odd || f.chunked)
        return REQUEST_FORGET;
    r->head_len = (size_t)(empty - buf) + 4;
    r->total = r->head_len + f.length;
    return len > r->total ? REQUEST_FORGET : REQUEST_OTHER;
}

/* Lines that another HTTP library, told them one by one, sends as they stand: text, and each with a value. */
static bool are_plain_lines(const char *p, const char *end) {
    while (p < end) {
        const char *eol = memchr(p, '\r', (size_t)(end - p)), *colon = memchr(p, ':', (size_t)(end - p));
        if (!eol || !colon || colon == p || colon >= eol || trimmed(colon + 1, eol).n == 0)
            return false;
        for (const char *c = p; c < eol; c++)
            if ((unsigned char)*c < ' ' && *c != '\t')
                return false;
        p = eol + 2;
    }
    return true;
}

/* "HOST:PORT", in the form in which everybody writes it. */
static bool is_authority(struct span a) {
    size_t colon = a.n, port = 0;
    while (colon > 0 && a.p[colon - 1] != ':')
        colon--;
    size_t digits = a.n - colon;
    if (colon < 2 || digits == 0 || digits > 5 || a.p[colon] == '0')
        return false;
    for (size_t i = colon; i < a.n; i++) {
        if (a.p[i] < '0' || a.p[i] > '9')
            return false;
        port = port * 10 + (size_t)(a.p[i] - '0');
    }
    struct span host = {a.p, colon - 1};
    bool bare = host.p[0] != '[';
    const char *allowed = bare ? "abcdefghijklmnopqrstuvwxyz0123456789-._" : "abcdef0123456789:";
    if (!bare && (host.n < 4 || host.p[host.n - 1] != ']'))
        return false;
    if (!bare)
        host = (struct span){host.p + 1, host.n - 2};
    for (size_t i = 0; i < host.n; i++)
        if (!host.p[i] || !strchr(allowed, lower(host.p[i])))
            return false;
    return port <= 65535 && host.p[host.n - 1] != '.';
}

/* Only one that comes in one piece: it is not held. */
static enum request_kind feed_connect(struct request *r, const char *buf, size_t len) {
    const char *empty = memmem(buf, len, "\r\n\r\n", 4), *eol = memchr(buf, '\r', len);
    const size_t method = strlen("CONNECT "), version = strlen(" HTTP/1.x");
    if (!empty || empty + 4 != buf + len || (size_t)(eol - buf) < method + version)
        return REQUEST_FORGET;
    const char *end = eol - version;
    bool known = memcmp(end, " HTTP/1.1", version) == 0 || memcmp(end, " HTTP/1.0", version) == 0;
    struct framing f = read_framing(eol + 2, empty + 2);
    if (!known || !is_authority((struct span){buf + method, (size_t)(end - buf) - method}) || f.odd || f.chunked ||
        f.has_length || !are_plain_lines(eol + 2, empty + 2))
        return REQUEST_FORGET;
    r->head_len = r->total = len;
    return REQUEST_TUNNEL;
}

enum request_kind request_feed(struct request *r, const char *buf, size_t len) {
    if (r->head_len)
        return feed_body(r, buf, len);
    if (len >= strlen("CONNECT ") && may_begin(buf, len, "CONNECT "))
        return feed_connect(r, buf, len);
    bool post = may_begin(buf, len, "POST ");
    bool other = false;
    for (size_t i = 0; !post && i < sizeof other_methods / sizeof *other_methods; i++)
        other |= len >= strlen(other_methods[i]) && may_begin(buf, len, other_methods[i]);
    if (!post && !other)
        return REQUEST_FORGET;

    const char *eol = memchr(buf, '\n', len < HEAD_MAX ? len : HEAD_MAX);
    if (!eol)
        return post && len < HEAD_MAX ? REQUEST_NEED : REQUEST_FORGET;
    static const char version[] = " HTTP/1.1\r";
    const size_t vlen = sizeof version - 1;
    if ((size_t)(eol - buf) < 5 + vlen || memcmp(eol - vlen, version, vlen) != 0)
        return REQUEST_FORGET;
    struct span target = {buf + 5, (size_t)(eol - vlen - (buf + 5))};
    if (!post || memchr(target.p, ' ', target.n) || !request_is_model_target(target.p, target.n))
        return not_model(r, buf, len, eol + 1);

    const char *empty = memmem(eol - 1, len - (size_t)(eol - 1 - buf), "\r\n\r\n", 4);
    if (!empty)
        return len < HEAD_MAX ? REQUEST_NEED : REQUEST_FORGET;
    struct framing f = read_framing(eol + 1, empty + 2);
    if (f.odd || (!f.has_length && !f.chunked))
        return REQUEST_FORGET;
    r->head_len = (size_t)(empty - buf) + 4;
    r->chunked = f.chunked;
    if (f.chunked)
        r->scan = r->head_len;
    else
        r->total = r->head_len + f.length;
    if (r->total > XCS_REQUEST_MAX)
        return REQUEST_FORGET;
    return feed_body(r, buf, len);
}
