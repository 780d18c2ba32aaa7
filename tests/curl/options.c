/*
 * Independent model calls with options that change the request or the way to the server: URL WAY. The server's record
 * shows whether they were kept to. FRONT is the address of a plain HTTP front that is also a proxy.
 */
#include "call.h"

typedef void set_options(struct call *c);

/* All calls with what `set` sets; what comes of it is printed with what depends on the options. */
static void calls_with(const char *url, set_options *set) {
    struct call c;
    call_open(&c, url);
    set(&c);
    for (int i = 0; i < CALLS; i++) {
        long redirects = -1;
        long version = -1;
        char *effective = NULL;
        call_question(&c, i);
        show_code("perform", curl_easy_perform(c.easy), c.easy);
        MUST(curl_easy_getinfo(c.easy, CURLINFO_REDIRECT_COUNT, &redirects));
        MUST(curl_easy_getinfo(c.easy, CURLINFO_HTTP_VERSION, &version));
        MUST(curl_easy_getinfo(c.easy, CURLINFO_EFFECTIVE_URL, &effective));
        printf("%ld redirects, HTTP version %ld, %s\n", redirects, version, effective);
        show_answer(&c.answer);
    }
    call_close(&c);
}

/* The URL with other text in the place of scheme, host and port, or after its path. */
static void replace_url(struct call *c, const char *before, const char *after) {
    char old[sizeof c->url];
    snprintf(old, sizeof old, "%s", c->url);
    char *path = strchr(strstr(old, "://") + 3, '/');
    snprintf(c->url, sizeof c->url, "%s%s%s", before ? before : "", before ? path : old, after);
    MUST(curl_easy_setopt(c->easy, CURLOPT_URL, c->url));
}

static long port_of(const struct call *c) {
    const char *colon = strchr(strstr(c->url, "://") + 3, ':');
    return colon ? strtol(colon + 1, NULL, 10) : 80;
}

/* ---- what the request says ---- */

static void names(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "a program/1.0"));
    MUST(curl_easy_setopt(c->easy, CURLOPT_REFERER, "http://example.com/from"));
    MUST(curl_easy_setopt(c->easy, CURLOPT_COOKIE, "first=1; second=two"));
}

/* Headers that replace, remove and empty libcurl's own, and one twice. */
static void headers(struct call *c) {
    c->headers = curl_slist_append(c->headers, "Accept:");
    c->headers = curl_slist_append(c->headers, "X-Empty;");
    c->headers = curl_slist_append(c->headers, "X-Twice: one");
    c->headers = curl_slist_append(c->headers, "X-Twice: two");
    c->headers = curl_slist_append(c->headers, "User-Agent: in the list");
    MUST(curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "in the option"));
}

static void basic(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, NULL));
    MUST(curl_easy_setopt(c->easy, CURLOPT_USERPWD, "user:pass word"));
}

static void user_and_password(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, NULL));
    MUST(curl_easy_setopt(c->easy, CURLOPT_USERNAME, "user"));
    MUST(curl_easy_setopt(c->easy, CURLOPT_PASSWORD, "with:colon"));
    MUST(curl_easy_setopt(c->easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC));
}

static void bearer(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, NULL));
    MUST(curl_easy_setopt(c->easy, CURLOPT_XOAUTH2_BEARER, "test-token"));
    MUST(curl_easy_setopt(c->easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER));
}

/* libcurl asks first which way the server wants: more than one request a call. */
static void any_auth(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_USERPWD, "user:password"));
    MUST(curl_easy_setopt(c->easy, CURLOPT_HTTPAUTH, CURLAUTH_ANY));
}

static void in_the_url(struct call *c) {
    char before[64];
    bool tls = strncmp(c->url, "https", 5) == 0;
    snprintf(before, sizeof before, "%s://user:password@LocalHost:%ld", tls ? "HTTPS" : "HTTP", port_of(c));
    replace_url(c, before, "?api-version=1&x=%20");
    MUST(curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, NULL));
}

static void fragment(struct call *c) {
    replace_url(c, NULL, "?x=1#fragment");
}

static void no_scheme(struct call *c) {
    char before[64];
    snprintf(before, sizeof before, "localhost:%ld", port_of(c));
    replace_url(c, before, "");
}

/* Strings are copied when they are set: what happens to them later does not matter. */
static void strings_are_copied(struct call *c) {
    char agent[] = "copied";
    MUST(curl_easy_setopt(c->easy, CURLOPT_USERAGENT, agent));
    memset(agent, 'x', sizeof agent - 1);
    memset(c->url, 'x', sizeof c->url - 1);
}

static void url_handle(struct call *c) {
    static CURLU *parts; /* libcurl does not copy it */
    parts = curl_url();
    curl_url_set(parts, CURLUPART_URL, c->url, 0);
    curl_url_set(parts, CURLUPART_QUERY, "from=handle", CURLU_APPENDQUERY);
    MUST(curl_easy_setopt(c->easy, CURLOPT_URL, NULL)); /* or that would be told as the effective one */
    MUST(curl_easy_setopt(c->easy, CURLOPT_CURLU, parts));
}

static void path_as_is(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_PATH_AS_IS, 1L));
    snprintf(strstr(c->url, "/v1"), 64, "/x/../v1/chat/completions");
    MUST(curl_easy_setopt(c->easy, CURLOPT_URL, c->url));
}

static void expect(struct call *c) {
    c->headers = curl_slist_append(c->headers, "Expect: 100-continue");
}

/* ---- what the answer is made of ---- */

static void gzip(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_ACCEPT_ENCODING, "gzip"));
}

static void all_encodings(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_ACCEPT_ENCODING, ""));
}

/* Asked for by hand: the answer comes as it is. */
static void gzip_raw(struct call *c) {
    c->headers = curl_slist_append(c->headers, "Accept-Encoding: gzip");
}

static void redirects(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_FOLLOWLOCATION, 1L));
    MUST(curl_easy_setopt(c->easy, CURLOPT_MAXREDIRS, 5L));
    MUST(curl_easy_setopt(c->easy, CURLOPT_POSTREDIR, CURL_REDIR_POST_ALL));
}

static void follow(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_FOLLOWLOCATION, 1L));
}

static void nothing(struct call *c) {
    (void)c;
}

static void cookie_engine(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_COOKIEFILE, ""));
}

/* ---- the way to the server ---- */

static void resolve(struct call *c) {
    char text[64];
    static struct curl_slist *kept;
    snprintf(text, sizeof text, "model.test:%ld:127.0.0.1", port_of(c));
    kept = curl_slist_append(NULL, text);
    MUST(curl_easy_setopt(c->easy, CURLOPT_RESOLVE, kept));
    snprintf(text, sizeof text, "http://model.test:%ld", port_of(c));
    replace_url(c, text, "");
}

static void connect_to(struct call *c) {
    char text[64];
    static struct curl_slist *kept;
    snprintf(text, sizeof text, "model.test:80:127.0.0.1:%ld", port_of(c));
    kept = curl_slist_append(NULL, text);
    MUST(curl_easy_setopt(c->easy, CURLOPT_CONNECT_TO, kept));
    replace_url(c, "http://model.test", "");
}

static void proxy(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_PROXY, getenv("FRONT")));
    replace_url(c, "http://model.test", "");
}

static void no_proxy(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_PROXY, "http://127.0.0.1:9"));
    MUST(curl_easy_setopt(c->easy, CURLOPT_NOPROXY, "localhost,127.0.0.1"));
}

static void http10(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_0));
}

static void http11(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1));
}

static void http2(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS));
}

static void prior_knowledge(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE));
    MUST(curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, 1L)); /* nginx refuses the second on a connection */
}

static void unverified(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYPEER, 0L));
    MUST(curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYHOST, 0L));
}

static void tls12(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2));
}

static void authorities_in_memory(struct call *c) {
    static char pem[65536];
    FILE *f = fopen(getenv("CA_FILE"), "r");
    size_t len = f ? fread(pem, 1, sizeof pem, f) : 0;
    struct curl_blob blob = {.data = pem, .len = len, .flags = CURL_BLOB_COPY};
    if (f)
        fclose(f);
    MUST(curl_easy_setopt(c->easy, CURLOPT_CAINFO, NULL));
    MUST(curl_easy_setopt(c->easy, CURLOPT_CAINFO_BLOB, &blob));
    memset(pem, 0, sizeof pem);
}

static void limits(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_TIMEOUT, 30L));
    MUST(curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, 5000L));
    MUST(curl_easy_setopt(c->easy, CURLOPT_LOW_SPEED_LIMIT, 1L));
    MUST(curl_easy_setopt(c->easy, CURLOPT_LOW_SPEED_TIME, 20L));
    MUST(curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L));
    MUST(curl_easy_setopt(c->easy, CURLOPT_TCP_NODELAY, 1L));
    MUST(curl_easy_setopt(c->easy, CURLOPT_TCP_KEEPALIVE, 1L));
    MUST(curl_easy_setopt(c->easy, CURLOPT_DNS_CACHE_TIMEOUT, 10L));
    MUST(curl_easy_setopt(c->easy, CURLOPT_IPRESOLVE, CURL_IPRESOLVE_V4));
}

static void fresh(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1L));
    MUST(curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, 1L));
}

/* The program makes the sockets itself, and counts them. */
static int sockets;

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)user;
    (void)purpose;
    sockets++;
    return socket(address->family, address->socktype, address->protocol);
}

static void own_sockets(struct call *c) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket));
    MUST(curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1L));
}

static const struct {
    const char *name;
    set_options *set;
} ways[] = {
    {"names", names},
    {"headers", headers},
    {"basic", basic},
    {"user-and-password", user_and_password},
    {"bearer", bearer},
    {"any-auth", any_auth},
    {"in-the-url", in_the_url},
    {"fragment", fragment},
    {"no-scheme", no_scheme},
    {"strings-are-copied", strings_are_copied},
    {"url-handle", url_handle},
    {"path-as-is", path_as_is},
    {"expect", expect},
    {"gzip", gzip},
    {"all-encodings", all_encodings},
    {"gzip-raw", gzip_raw},
    {"redirects", redirects},
    {"follow", follow},
    {"nothing", nothing},
    {"cookie-engine", cookie_engine},
    {"resolve", resolve},
    {"connect-to", connect_to},
    {"proxy", proxy},
    {"no-proxy", no_proxy},
    {"http10", http10},
    {"http11", http11},
    {"http2", http2},
    {"prior-knowledge", prior_knowledge},
    {"unverified", unverified},
    {"tls12", tls12},
    {"authorities-in-memory", authorities_in_memory},
    {"limits", limits},
    {"fresh", fresh},
    {"own-sockets", own_sockets},
};

int main(int argc, char **argv) {
    for (size_t i = 0; argc > 2 && i < sizeof ways / sizeof ways[0]; i++) {
        if (strcmp(ways[i].name, argv[2]) == 0) {
            curl_global_init(CURL_GLOBAL_DEFAULT);
            calls_with(argv[1], ways[i].set);
            printf("%d sockets made by the program\n", sockets);
            curl_global_cleanup();
            return 0;
        }
    }
    return 2;
}
