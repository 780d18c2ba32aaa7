/*
 * A call to a server behind a proxy (dispatch_impl.h): libcurl asks the proxy for the tunnel that the program was given, in the program's own
 * words, and makes the connection to the server in it. Neither is the server's name resolved here, nor does the proxy see a byte of the
 * request. Nothing here logs: those words hold a password.
 */
#include "dispatch_impl.h"
#include <stdio.h>
#include <string.h>

#define TUNNEL_AUTHORITY_MAX 300

static const char method[] = "CONNECT ", version[] = " HTTP/1.";

/* The program's lines as they stand, and none of libcurl's own. `p` is at the first of them. */
static bool tunnel_lines(const struct curl_lib *curl, struct call *call, struct curl_slist **list, char *p) {
    static const char *const own[] = {"Host:", "User-Agent:", "Proxy-Connection:"};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (!call_append(curl, list, own[i]))
            return false;
    }
    for (char *end; (end = strstr(p, "\r\n")) != NULL && end > p; p = end + 2) {
        *end = '\0';
        const char *colon = strchr(p, ':');
        bool ok = colon && colon > p && colon[1 + strspn(colon + 1, " \t")] && call_append(curl, list, p);
        *end = '\r';
        if (!ok)
            return false;
    }
    return curl->easy_setopt(call->easy, CURLOPT_PROXYHEADER, *list) == CURLE_OK;
}

/* "CONNECT HOST:PORT HTTP/1.x": libcurl writes the same. */
static bool tunnel_end(const struct curl_lib *curl, struct call *call, struct curl_slist **list, const char *end) {
    char to[TUNNEL_AUTHORITY_MAX + 3] = "::";
    const char *host = call->tunnel + sizeof(method) - 1;
    size_t n = (size_t)(end - host);
    if (n >= TUNNEL_AUTHORITY_MAX)
        return false;
    memcpy(to + 2, host, n);
    to[2 + n] = '\0';
    return call_append(curl, list, to) && curl->easy_setopt(call->easy, CURLOPT_CONNECT_TO, *list) == CURLE_OK;
}

bool call_set_tunnel(const struct curl_lib *curl, struct call *call, const char *proxy, struct curl_slist **to,
                     struct curl_slist **lines) {
    const char *end = strncmp(call->tunnel, method, sizeof(method) - 1) == 0 ? strstr(call->tunnel, version) : NULL;
    char *first = end ? strstr(call->tunnel, "\r\n") : NULL;
    if (!first || first != end + sizeof(version))
        return false;
    bool old = end[sizeof(version) - 1] == '0';
    CURLcode bad = CURLE_OK;
    bad |= curl->easy_setopt(call->easy, CURLOPT_PROXY, proxy);
    bad |= curl->easy_setopt(call->easy, CURLOPT_PROXYTYPE, (long)(old ? CURLPROXY_HTTP_1_0 : CURLPROXY_HTTP));
    bad |= curl->easy_setopt(call->easy, CURLOPT_NOPROXY, ""); /* not the environment's exceptions */
    bad |= curl->easy_setopt(call->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    bad |= curl->easy_setopt(call->easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    return bad == CURLE_OK && tunnel_end(curl, call, to, end) && tunnel_lines(curl, call, lines, first + 2);
}

bool call_lacks_tunnel(const struct curl_lib *curl, struct call *call) {
    long status = 0;
    struct dispatch_result *r = &call->result;
    if (!call->tunnel || curl->easy_getinfo(call->easy, CURLINFO_HTTP_CONNECTCODE, &status) != CURLE_OK)
        return false;
    bool said = status && status / 100 != 2;
    if (said && !r->error[0])
        snprintf(r->error, sizeof(r->error), "the proxy makes no tunnel (status %ld)", status);
    return said || !call->sent;
}
