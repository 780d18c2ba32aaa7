/*
 * A call that is one request on a connection of the program's (dispatch_impl.h): sent as the program sent it, to where the program had
 * connected, and handed over as it came. Nothing here logs: requests hold keys.
 */
#include "dispatch_impl.h"
#include "dispatch_link.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum {
    LIST_HEADERS,
    LIST_CONNECT_TO,
    LIST_PROXY
};

/* --- the request --- */

/* "127.0.0.1:8000" or "[::1]:8000": where to connect. */
static bool call_place(const struct xcs_addr *addr, char *place, size_t size, unsigned *port) {
    char ip[INET6_ADDRSTRLEN];
    if (addr->len >= sizeof(addr->u.in) && addr->u.sa.sa_family == AF_INET) {
        *port = ntohs(addr->u.in.sin_port);
        return inet_ntop(AF_INET, &addr->u.in.sin_addr, ip, sizeof(ip)) &&
               snprintf(place, size, "%s:%u", ip, *port) < (int)size;
    }
    if (addr->len >= sizeof(addr->u.in6) && addr->u.sa.sa_family == AF_INET6) {
        *port = ntohs(addr->u.in6.sin6_port);
        return inet_ntop(AF_INET6, &addr->u.in6.sin6_addr, ip, sizeof(ip)) &&
               snprintf(place, size, "[%s]:%u", ip, *port) < (int)size;
    }
    return false;
}

/* The request line is the program's own: the URL only says how and where to connect, and which name the handshake sends. */
static bool call_url(const struct curl_lib *curl, struct call *call) {
    char place[INET6_ADDRSTRLEN + 16], connect_to[sizeof(place) + 2], url[320];
    unsigned port;
    if (!call_place(&call->addr, place, sizeof(place), &port))
        return false;
    bool named = call->tls_name && *call->tls_name;
    if (call->tunnel) {
        /* A name that is a number is sent by no handshake. */
        snprintf(url, sizeof(url), "https://%.255s/", named ? call->tls_name : "127.0.0.1");
        if (!call->tls_name ||
            !call_set_tunnel(curl, call, place, &call->lists[LIST_CONNECT_TO], &call->lists[LIST_PROXY]))
            return false;
    } else if (named) {
        snprintf(url, sizeof(url), "https://%.255s:%u/", call->tls_name, port);
        snprintf(connect_to, sizeof(connect_to), "::%s", place);
        if (!call_append(curl, &call->lists[LIST_CONNECT_TO], connect_to) ||
            curl->easy_setopt(call->easy, CURLOPT_CONNECT_TO, call->lists[LIST_CONNECT_TO]) != CURLE_OK)
            return false;
    } else {
        snprintf(url, sizeof(url), "%s://%s/", call->tls_name ? "https" : "http", place);
    }
    return curl->easy_setopt(call->easy, CURLOPT_URL, url) == CURLE_OK;
}

/*
 * The program's own handshake has accepted the peer that holds this key, by whatever rules the program has; no other is
 * accepted here, and no rule of ours is added.
 */
static bool call_trust(const struct curl_lib *curl, struct call *call) {
    CURLcode bad = CURLE_OK;
    if (!call->tls_name)
        return true;
    bad |= curl->easy_setopt(call->easy, CURLOPT_PINNEDPUBLICKEY, call->tls_key);
    bad |= curl->easy_setopt(call->easy, CURLOPT_SSL_VERIFYPEER, 0L);
    bad |= curl->easy_setopt(call->easy, CURLOPT_SSL_VERIFYHOST, 0L);
    bad |= curl->easy_setopt(call->easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
    return bad == CURLE_OK;
}

static bool header_is(const char *line, const char *name) {
    size_t len = strlen(name);
    return strncasecmp(line, name, len) == 0 && line[len] == ':';
}

static bool call_has_header(const struct call *call, const char *name) {
    for (size_t i = 0; i < call->nheaders; i++) {
        if (header_is(call->headers[i], name))
            return true;
    }
    return false;
}

static bool append_line(const struct curl_lib *curl, struct call *call, const char *line) {
    return call_append(curl, &call->lists[LIST_HEADERS], line);
}

/* One of the program's lines in libcurl's form: "Name:" would mean "leave it out", an empty value is "Name;". */
static bool append_header(const struct curl_lib *curl, struct call *call, char *line) {
    char *colon = strchr(line, ':');
    if (!colon || colon == line || strpbrk(line, "\r\n"))
        return false;
    if (colon[1 + strspn(colon + 1, " \t")] != '\0')
        return append_line(curl, call, line);
    colon[0] = ';';
    colon[1] = '\0';
    return append_line(curl, call, line);
}

/*
 * The program's headers in their order, and none of libcurl's own. libcurl writes a Host of its list first and under its own name;
 * where the list begins by leaving it out, another one after that goes out as it stands.
 */
static bool call_lines(const struct curl_lib *curl, struct call *call) {
    static const char *const defaults[] = {"Accept",       "User-Agent", "Accept-Encoding",
                                           "Content-Type", "Expect",     "Content-Length"};
    if (!append_line(curl, call, "Host:"))
        return false;
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        char leave_out[32];
        snprintf(leave_out, sizeof(leave_out), "%s:", defaults[i]);
        if (!call_has_header(call, defaults[i]) && !append_line(curl, call, leave_out))
            return false;
    }
    bool framed = !call->chunked || call_has_header(call, "Transfer-Encoding");
    for (size_t i = 0; i < call->nheaders; i++) {
        call->asks_close |= header_says_close(call->headers[i], strlen(call->headers[i]));
        if (!append_header(curl, call, call->headers[i]))
            return false;
    }
    return framed || append_line(curl, call, "Transfer-Encoding: chunked");
}

/* --- the response, as it comes --- */

/* libcurl sends a request again by itself when a kept connection ends before the answer. Here a call goes out once. */
static int on_request(void *user, char *remote_ip, char *local_ip, int remote_port, int local_port) {
    struct call *call = user;
    (void)local_ip;
    if (!links_taken(call, remote_ip, local_port, remote_port)) {
        snprintf(call->result.error, sizeof(call->result.error), "a connection of another peer's");
        return CURL_PREREQFUNC_ABORT;
    }
    if (call->sent) {
        snprintf(call->result.error, sizeof(call->result.error), "the server closed the connection");
        return CURL_PREREQFUNC_ABORT;
    }
    call->sent = true;
    return CURL_PREREQFUNC_OK;
}

/*
 * A header line of a head (the final one or an interim one before it). Trailers come with the raw body. Where the program could see
 * another end of the response than libcurl, it would wait for ever on a HIT: it has to see for itself.
 */
static size_t on_header(char *data, size_t one, size_t len, void *user) {
    struct call *call = user;
    struct dispatch_result *r = &call->result;
    (void)one;
    if (r->head_len)
        return len;
    if (!call_keep(call, data, len))
        return 0;
    response_head_line(&call->head, data, len);
    if (!call->head.complete)
        return len;
    if (call->head.odd) {
        snprintf(r->error, sizeof(r->error), "an ambiguous head");
        return 0;
    }
    if (!call->head.interim)
        r->head_len = r->raw_len;
    return len;
}

static size_t on_body(char *data, size_t one, size_t len, void *user) {
    struct call *call = user;
    (void)one;
    if (!call_keep(call, data, len))
        return 0;
    call_tell(call);
    return len;
}

bool call_end_http(struct call *call) {
    struct dispatch_result *r = &call->result;
    if (!call->head.chunked || response_chunks_plain(r->raw + r->head_len, r->raw_len - r->head_len))
        return true;
    snprintf(r->error, sizeof(r->error), "ambiguous chunks");
    return false;
}

/* --- both, as options --- */

struct option {
    CURLoption option;
    long value;
};

/* What makes libcurl send what the program would have sent and hand over what the server did send, and no more. */
static const struct option fixed_options[] = {
    {CURLOPT_NOSIGNAL, 1},
    {CURLOPT_NOPROGRESS, 1},
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_NETRC, CURL_NETRC_IGNORED},
    {CURLOPT_HTTP_TRANSFER_DECODING, 0},
    {CURLOPT_HTTP_CONTENT_DECODING, 0},
    {CURLOPT_HTTP09_ALLOWED, 0},
    {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
    {CURLOPT_POST, 1},
};

bool call_set_http(const struct curl_lib *curl, struct call *call) {
    CURL *easy = call->easy;
    CURLcode bad = CURLE_OK;
    if (!call_url(curl, call) || !call_trust(curl, call) || !call_lines(curl, call))
        return false;
    for (size_t i = 0; i < sizeof(fixed_options) / sizeof(fixed_options[0]); i++)
        bad |= curl->easy_setopt(easy, fixed_options[i].option, fixed_options[i].value);
    if (!call->tunnel)
        bad |= curl->easy_setopt(easy, CURLOPT_PROXY, "");
    bad |= curl->easy_setopt(easy, CURLOPT_REQUEST_TARGET, call->target);
    bad |= curl->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
    bad |= curl->easy_setopt(easy, CURLOPT_HTTP_VERSION,
                             (long)(call->http10 ? CURL_HTTP_VERSION_1_0 : CURL_HTTP_VERSION_1_1));
    bad |= curl->easy_setopt(easy, CURLOPT_HTTPHEADER, call->lists[LIST_HEADERS]);
    bad |= curl->easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
    bad |= curl->easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
    bad |= curl->easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
    bad |= curl->easy_setopt(easy, CURLOPT_PREREQDATA, call);
    bad |= curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    bad |= curl->easy_setopt(easy, CURLOPT_HEADERDATA, call);
    bad |= curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    bad |= curl->easy_setopt(easy, CURLOPT_WRITEDATA, call);
    if (call->addr.u.sa.sa_family == AF_INET6 && call->addr.u.in6.sin6_scope_id)
        bad |= curl->easy_setopt(easy, CURLOPT_ADDRESS_SCOPE, (long)call->addr.u.in6.sin6_scope_id);
    return bad == CURLE_OK;
}
