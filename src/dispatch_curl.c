/*
 * A call that is a whole libcurl call of the program's (dispatch_impl.h, shim/curl_call.h): the options that came with it are set as the
 * program had set them, and what its callbacks and curl_easy_getinfo would have told it is kept as frames.
 *
 * The options' text is hostile until it is parsed: only rows of the table are taken, with values of the row's own type, and no protocol
 * but HTTP is spoken. Nothing here logs: options hold keys.
 */
#include "../shim/curl_infos.h"
#include "../shim/curl_options.h"
#include "buf.h"
#include "dispatch_impl.h"
#include "dispatch_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ALLOWED_PROTOCOLS (CURLPROTO_HTTP | CURLPROTO_HTTPS)

static const struct row {
    CURLoption option;
    enum curl_treatment treatment;
} rows[XCS_CURL_OPTION_END] = {
#define X(name, treatment) [XCS_CURL_NUMBER(CURLOPT_##name)] = {CURLOPT_##name, CURL_##treatment},
    XCS_CURL_OPTIONS(X)
#undef X
};

/* Those of the options that are CODE in the shim and come as themselves. */
static const CURLoption rendered[] = {CURLOPT_URL, CURLOPT_PROXY, CURLOPT_NOPROXY, CURLOPT_CAINFO, CURLOPT_CAPATH};

static const uint32_t infos[] = {
#define X(name) CURLINFO_##name,
    XCS_CURL_INFOS(X)
#undef X
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* --- the request --- */

static bool is_taken(CURLoption option) {
    unsigned n = XCS_CURL_NUMBER(option);
    if ((unsigned)option >= XCS_CURL_OPTION_END + CURLOPTTYPE_BLOB || n >= XCS_CURL_OPTION_END ||
        rows[n].option != option)
        return false;
    for (size_t i = 0; i < COUNT(rendered); i++)
        if (rendered[i] == option)
            return true;
    enum curl_treatment t = rows[n].treatment;
    return t == CURL_CARRY || t == CURL_CARRY_LIST || t == CURL_PATH;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* "%XX" to a byte. The text's copy is the caller's; false: malformed, or it holds a zero. */
static bool unescape(char *text) {
    char *to = text;
    for (const char *p = text; *p; p++) {
        int byte = (unsigned char)*p;
        if (*p == '%') {
            int high = hex_digit(p[1]), low = high < 0 ? -1 : hex_digit(p[2]);
            if (low < 0 || high * 16 + low == 0)
                return false;
            byte = high * 16 + low;
            p += 2;
        }
        *to++ = (char)byte;
    }
    *to = '\0';
    return true;
}

static bool set_blob(const struct curl_lib *curl, CURL *easy, CURLoption option, const char *hex) {
    size_t len = strlen(hex);
    unsigned char *bytes = len % 2 ? NULL : malloc(len / 2 + 1);
    bool ok = bytes != NULL;
    for (size_t i = 0; ok && i < len / 2; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        ok = high >= 0 && low >= 0;
        bytes[i] = (unsigned char)(high * 16 + low);
    }
    struct curl_blob blob = {bytes, len / 2, CURL_BLOB_COPY};
    ok = ok && curl->easy_setopt(easy, option, &blob) == CURLE_OK;
    free(bytes);
    return ok;
}

/* What is left of a list of protocols is HTTP. */
static bool set_protocols(const struct curl_lib *curl, CURL *easy, CURLoption option, const char *text) {
    bool http = false, https = false;
    for (size_t n; *text; text += n + (text[n] == ',')) {
        n = strcspn(text, ",");
        bool all = n == 3 && strncasecmp(text, "all", n) == 0;
        http |= all || (n == 4 && strncasecmp(text, "http", n) == 0);
        https |= all || (n == 5 && strncasecmp(text, "https", n) == 0);
    }
    const char *both = http && https ? "http,https" : http ? "http" : https ? "https" : NULL;
    return both && curl->easy_setopt(easy, option, both) == CURLE_OK;
}

static bool set_number(const struct curl_lib *curl, CURL *easy, CURLoption option, const char *text) {
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (*end || end == text || errno)
        return false;
    if (option == CURLOPT_PROTOCOLS || option == CURLOPT_REDIR_PROTOCOLS)
        n &= ALLOWED_PROTOCOLS;
    if (XCS_CURL_TYPE(option) == CURLOPTTYPE_OFF_T)
        return curl->easy_setopt(easy, option, (curl_off_t)n) == CURLE_OK;
    return curl->easy_setopt(easy, option, (long)n) == CURLE_OK;
}

static struct curl_slist **list_of(struct call *call, CURLoption option) {
    static const CURLoption lists[] = {CURLOPT_HTTPHEADER, CURLOPT_HTTP200ALIASES, CURLOPT_RESOLVE, CURLOPT_CONNECT_TO,
                                       CURLOPT_PROXYHEADER};
    _Static_assert(COUNT(lists) <= CALL_LISTS, "a call has room for its lists");
    for (size_t i = 0; i < COUNT(lists); i++)
        if (lists[i] == option)
            return &call->lists[i];
    return NULL;
}

static bool set_list_item(const struct curl_lib *curl, struct call *call, CURLoption option, const char *item) {
    struct curl_slist **list = list_of(call, option);
    return list && call_append(curl, list, item) && curl->easy_setopt(call->easy, option, *list) == CURLE_OK;
}

/* "10023: =value", without the name's beginning. The text may be changed. */
static bool set_option(const struct curl_lib *curl, struct call *call, char *text) {
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    CURLoption option = (CURLoption)number;
    if (end == text || strncmp(end, ": ", 2) != 0 || number > 100000 || !is_taken(option))
        return false;
    char *value = end + 2;
    if (strcmp(value, "-") == 0)
        return curl->easy_setopt(call->easy, option, NULL) == CURLE_OK;
    if (*value++ != '=')
        return false;
    switch (XCS_CURL_TYPE(option)) {
    case CURLOPTTYPE_LONG:
    case CURLOPTTYPE_OFF_T:
        return set_number(curl, call->easy, option, value);
    case CURLOPTTYPE_BLOB:
        return set_blob(curl, call->easy, option, value);
    default:
        break;
    }
    if (!unescape(value))
        return false;
    if (option == CURLOPT_PROTOCOLS_STR || option == CURLOPT_REDIR_PROTOCOLS_STR)
        return set_protocols(curl, call->easy, option, value);
    return rows[XCS_CURL_NUMBER(option)].treatment == CURL_CARRY_LIST
               ? set_list_item(curl, call, option, value)
               : curl->easy_setopt(call->easy, option, value) == CURLE_OK;
}

/* One line of the rendered request. False: not as the shim writes it. */
static bool set_line(const struct curl_lib *curl, struct call *call, char *line) {
    static const char header[] = XCS_CALL_HEADER ": =";
    if (strncasecmp(line, "content-length:", 15) == 0)
        return true;
    if (strncmp(line, header, sizeof header - 1) == 0)
        return unescape(line + sizeof header - 1) &&
               set_list_item(curl, call, CURLOPT_HTTPHEADER, line + sizeof header - 1);
    if (strncmp(line, XCS_CALL_OPTION, sizeof XCS_CALL_OPTION - 1) == 0)
        return set_option(curl, call, line + sizeof XCS_CALL_OPTION - 1);
    return set_list_item(curl, call, CURLOPT_HTTPHEADER, line);
}

/* --- the response, as it comes --- */

/*
 * A request is about to go out: the call itself, or what a redirection asks for. Nothing but a model call may go out before its turn,
 * so where one becomes a GET it ends here.
 */
static int on_request(void *user, char *remote_ip, char *local_ip, int remote_port, int local_port) {
    struct call *call = user;
    char *method = NULL;
    (void)local_ip;
    if (!links_taken(call, remote_ip, local_port, remote_port))
        return CURL_PREREQFUNC_ABORT;
    call->get_info(call->easy, CURLINFO_EFFECTIVE_METHOD, &method);
    return method && strcmp(method, "POST") == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static bool keep_frame(struct call *call, enum xcs_frame_type type, uint32_t arg, const void *data, size_t len) {
    struct xcs_frame f = {type, arg, len};
    return call_keep(call, &f, sizeof f) && call_keep(call, data, len);
}

static bool keep_text(struct call *call, uint32_t info, const char *text) {
    return keep_frame(call, XCS_FRAME_INFO, info, text, text ? strlen(text) + 1 : 0);
}

static bool keep_info(struct call *call, uint32_t info) {
    union {
        char *text;
        long number;
        curl_off_t offset;
        double real;
    } v;
    memset(&v, 0, sizeof v);
    if (call->get_info(call->easy, (CURLINFO)info, &v) != CURLE_OK)
        return true; /* this libcurl does not know it */
    int64_t n = (info & CURLINFO_TYPEMASK) == CURLINFO_LONG ? v.number : v.offset;
    switch (info & CURLINFO_TYPEMASK) {
    case CURLINFO_STRING:
        return keep_text(call, info, v.text);
    case CURLINFO_DOUBLE:
        return keep_frame(call, XCS_FRAME_INFO, info, &v.real, sizeof v.real);
    default:
        return keep_frame(call, XCS_FRAME_INFO, info, &n, sizeof n);
    }
}

static bool keep_certificate(struct call *call, const struct curl_slist *texts) {
    struct buf all = {0};
    for (; texts; texts = texts->next)
        buf_add(&all, texts->data, strlen(texts->data) + 1);
    bool ok = keep_frame(call, XCS_FRAME_CERT, 0, all.p, all.len);
    buf_free(&all);
    return ok;
}

static bool keep_certificates(struct call *call) {
    struct curl_certinfo *certs = NULL;
    bool ok = true;
    if (call->get_info(call->easy, CURLINFO_CERTINFO, &certs) == CURLE_OK && certs)
        for (int i = 0; ok && i < certs->num_of_certs; i++)
            ok = keep_certificate(call, certs->certinfo[i]);
    return ok;
}

static bool keep_infos(struct call *call) {
    bool ok = true;
    for (size_t i = 0; ok && i < COUNT(infos); i++)
        ok = keep_info(call, infos[i]);
    return ok;
}

/* Callbacks ask, too: for the status as soon as there is one, for the rest when the body comes. */
static bool keep_what_is_known(struct call *call, const char *line, size_t len) {
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
        return keep_info(call, CURLINFO_RESPONSE_CODE);
    return len > 2 || keep_infos(call);
}

/* Any response's on the way: interim ones, redirects, the final one, its trailers. */
static size_t on_header(char *data, size_t one, size_t len, void *user) {
    struct call *call = user;
    (void)one;
    if (!keep_what_is_known(call, data, len) || !keep_frame(call, XCS_FRAME_HEADER, 0, data, len))
        return 0;
    if (len >= 5 && memcmp(data, "HTTP/", 5) == 0)
        call->result.head_len = 0;
    if (call->result.head_len)
        return len;
    response_head_line(&call->head, data, len);
    if (call->head.complete && !call->head.interim)
        call->result.head_len = call->result.raw_len;
    return len;
}

static size_t on_body(char *data, size_t one, size_t len, void *user) {
    struct call *call = user;
    (void)one;
    if (!keep_frame(call, XCS_FRAME_BODY, 0, data, len))
        return 0;
    call_tell(call);
    return len;
}

bool call_end_curl(struct call *call) {
    return keep_certificates(call) && keep_infos(call) && keep_frame(call, XCS_FRAME_END, CURLE_OK, NULL, 0);
}

/* --- both, as options --- */

bool call_set_curl(const struct curl_lib *curl, struct call *call) {
    CURL *easy = call->easy;
    CURLcode bad = CURLE_OK;
    bad |= curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    bad |= curl->easy_setopt(easy, CURLOPT_PROTOCOLS, (long)ALLOWED_PROTOCOLS);
    bad |= curl->easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS, (long)ALLOWED_PROTOCOLS);
    bad |= curl->easy_setopt(easy, CURLOPT_POST, 1L);
    bad |= curl->easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
    bad |= curl->easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
    for (size_t i = 0; bad == CURLE_OK && i < call->nheaders; i++)
        if (!set_line(curl, call, call->headers[i]))
            return false;
    call->get_info = curl->easy_getinfo;
    bad |= curl->easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
    bad |= curl->easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
    bad |= curl->easy_setopt(easy, CURLOPT_PREREQDATA, call);
    bad |= curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    bad |= curl->easy_setopt(easy, CURLOPT_HEADERDATA, call);
    bad |= curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    bad |= curl->easy_setopt(easy, CURLOPT_WRITEDATA, call);
    return bad == CURLE_OK;
}
