/*
 * Everything that libcurl tells about a transfer, after each of some independent model calls: URL WAY. What must be the same in each run
 * is printed; of times, rates and ports, whether they can be true. Also the headers by curl_easy_header and curl_easy_nextheader.
 * LATENCY is what the server takes for a call, in ms: no answer can have come sooner.
 */
#include "call.h"
#include <math.h>
#include <strings.h>

enum kind {
    EXACT,    /* printed */
    POSITIVE, /* more than zero */
    ANY,      /* asked for, and not looked at: libcurl may say anything */
    FIRST,    /* zero or one: whether this call had to make the connection */
    SECONDS   /* printed is whether it lies in order, by check_times */
};

/* libcurl's whole list, in its order. Which type an entry has, its number says. */
#define ROW(name, kind)                                                                                                \
    { CURLINFO_##name, #name, kind }
static const struct row {
    CURLINFO info;
    const char *name;
    enum kind kind;
} rows[] = {
    ROW(EFFECTIVE_URL, EXACT),
    ROW(RESPONSE_CODE, EXACT),
    ROW(TOTAL_TIME, SECONDS),
    ROW(NAMELOOKUP_TIME, SECONDS),
    ROW(CONNECT_TIME, SECONDS),
    ROW(PRETRANSFER_TIME, SECONDS),
    ROW(SIZE_UPLOAD, EXACT),
    ROW(SIZE_UPLOAD_T, EXACT),
    ROW(SIZE_DOWNLOAD, EXACT),
    ROW(SIZE_DOWNLOAD_T, EXACT),
    ROW(SPEED_DOWNLOAD, POSITIVE),
    ROW(SPEED_DOWNLOAD_T, POSITIVE),
    ROW(SPEED_UPLOAD, POSITIVE),
    ROW(SPEED_UPLOAD_T, POSITIVE),
    ROW(HEADER_SIZE, EXACT),
    ROW(REQUEST_SIZE, EXACT),
    ROW(SSL_VERIFYRESULT, EXACT),
    ROW(FILETIME, EXACT),
    ROW(FILETIME_T, EXACT),
    ROW(CONTENT_LENGTH_DOWNLOAD, EXACT),
    ROW(CONTENT_LENGTH_DOWNLOAD_T, EXACT),
    ROW(CONTENT_LENGTH_UPLOAD, EXACT),
    ROW(CONTENT_LENGTH_UPLOAD_T, EXACT),
    ROW(STARTTRANSFER_TIME, SECONDS),
    ROW(CONTENT_TYPE, EXACT),
    ROW(REDIRECT_TIME, SECONDS),
    ROW(REDIRECT_COUNT, EXACT),
    ROW(PRIVATE, EXACT),
    ROW(HTTP_CONNECTCODE, EXACT),
    ROW(HTTPAUTH_AVAIL, EXACT),
    ROW(PROXYAUTH_AVAIL, EXACT),
    ROW(OS_ERRNO, ANY),
    ROW(NUM_CONNECTS, FIRST),
    ROW(SSL_ENGINES, ANY),
    ROW(COOKIELIST, EXACT),
    ROW(LASTSOCKET, ANY),
    ROW(FTP_ENTRY_PATH, EXACT),
    ROW(REDIRECT_URL, EXACT),
    ROW(PRIMARY_IP, EXACT),
    ROW(APPCONNECT_TIME, SECONDS),
    ROW(CERTINFO, ANY),
    ROW(CONDITION_UNMET, EXACT),
    ROW(RTSP_SESSION_ID, EXACT),
    ROW(RTSP_CLIENT_CSEQ, EXACT),
    ROW(RTSP_SERVER_CSEQ, EXACT),
    ROW(RTSP_CSEQ_RECV, EXACT),
    ROW(PRIMARY_PORT, EXACT),
    ROW(LOCAL_IP, EXACT),
    ROW(LOCAL_PORT, POSITIVE),
    ROW(TLS_SESSION, ANY),
    ROW(ACTIVESOCKET, ANY),
    ROW(TLS_SSL_PTR, ANY),
    ROW(HTTP_VERSION, EXACT),
    ROW(PROXY_SSL_VERIFYRESULT, EXACT),
    ROW(PROTOCOL, EXACT),
    ROW(SCHEME, EXACT),
    ROW(TOTAL_TIME_T, SECONDS),
    ROW(NAMELOOKUP_TIME_T, SECONDS),
    ROW(CONNECT_TIME_T, SECONDS),
    ROW(PRETRANSFER_TIME_T, SECONDS),
    ROW(STARTTRANSFER_TIME_T, SECONDS),
    ROW(REDIRECT_TIME_T, SECONDS),
    ROW(APPCONNECT_TIME_T, SECONDS),
    ROW(RETRY_AFTER, EXACT),
    ROW(EFFECTIVE_METHOD, EXACT),
    ROW(PROXY_ERROR, EXACT),
    ROW(REFERER, EXACT),
    ROW(CAINFO, EXACT),
    ROW(CAPATH, EXACT),
};

static double number_of(CURL *easy, CURLINFO info) {
    long whole = 0;
    double real = 0;
    curl_off_t large = 0;
    switch (info & CURLINFO_TYPEMASK) {
    case CURLINFO_LONG:
        MUST((curl_easy_getinfo)(easy, info, &whole));
        return (double)whole;
    case CURLINFO_DOUBLE:
        MUST((curl_easy_getinfo)(easy, info, &real));
        return real;
    default:
        MUST((curl_easy_getinfo)(easy, info, &large));
        return (double)large;
    }
}

static void show_number(CURL *easy, const struct row *row) {
    double value = number_of(easy, row->info);
    if (row->kind == EXACT)
        printf("%s %.0f\n", row->name, value);
    else if (row->kind == POSITIVE)
        printf("%s %s\n", row->name, value > 0 ? "more than zero" : "NOT MORE THAN ZERO");
    else if (row->kind == FIRST)
        printf("%s %s\n", row->name, value == 0 || value == 1 ? "zero or one" : "NEITHER ZERO NOR ONE");
}

static void show_row(CURL *easy, const struct row *row) {
    char *text = NULL;
    void *pointer = NULL;
    struct curl_slist *list = NULL;
    curl_socket_t s = CURL_SOCKET_BAD;
    switch (row->info & CURLINFO_TYPEMASK) {
    case CURLINFO_STRING:
        MUST((curl_easy_getinfo)(easy, row->info, &text));
        printf("%s %s\n", row->name, text ? text : "(none)");
        break;
    case CURLINFO_SLIST: /* of CURLINFO_PTR's type too, whose lists are not the caller's to free */
        if (row->kind == ANY && row->info != CURLINFO_SSL_ENGINES) {
            MUST((curl_easy_getinfo)(easy, row->info, &pointer));
            break;
        }
        MUST((curl_easy_getinfo)(easy, row->info, &list));
        if (row->kind == EXACT)
            printf("%s %s\n", row->name, list ? list->data : "(none)");
        curl_slist_free_all(list);
        break;
    case CURLINFO_SOCKET:
        MUST((curl_easy_getinfo)(easy, row->info, &s));
        break;
    default:
        if (row->kind != SECONDS)
            show_number(easy, row);
    }
}

/* The steps of a transfer follow each other; one that was not needed is zero. The forms in microseconds say the same. */
static void check_times(CURL *easy) {
    static const CURLINFO steps[] = {CURLINFO_NAMELOOKUP_TIME,  CURLINFO_CONNECT_TIME,       CURLINFO_APPCONNECT_TIME,
                                     CURLINFO_PRETRANSFER_TIME, CURLINFO_STARTTRANSFER_TIME, CURLINFO_TOTAL_TIME};
    static const CURLINFO fine[] = {CURLINFO_NAMELOOKUP_TIME_T,    CURLINFO_CONNECT_TIME_T,
                                    CURLINFO_APPCONNECT_TIME_T,    CURLINFO_PRETRANSFER_TIME_T,
                                    CURLINFO_STARTTRANSFER_TIME_T, CURLINFO_TOTAL_TIME_T};
    const char *latency = getenv("LATENCY");
    double least = latency ? strtod(latency, NULL) / 1000 : 0;
    double last = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        double value = number_of(easy, steps[i]);
        if (fabs(value - number_of(easy, fine[i]) / 1e6) > 1e-5)
            printf("time %zu: the two forms DIFFER\n", i);
        if (value != 0 && value < last)
            printf("time %zu: BEFORE the one before it\n", i);
        if (value != 0)
            last = value;
    }
    if (number_of(easy, CURLINFO_STARTTRANSFER_TIME) < 0.9 * least)
        printf("the answer began SOONER than the server can\n");
    if (number_of(easy, CURLINFO_TOTAL_TIME) > 30)
        printf("the call took TOO LONG\n");
    printf("times %s, redirects %g\n", last > 0 ? "there" : "MISSING", number_of(easy, CURLINFO_REDIRECT_TIME));
}

static void show_headers(CURL *easy) {
    struct curl_header *h = NULL;
    while ((h = curl_easy_nextheader(easy, CURLH_HEADER, -1, h))) {
        bool changing = strcasecmp(h->name, "date") == 0;
        printf("header %s: %s (%zu of %zu, origin %u)\n", h->name, changing ? "..." : h->value, h->index, h->amount,
               h->origin);
    }
    CURLHcode code = curl_easy_header(easy, "content-TYPE", 0, CURLH_HEADER, -1, &h);
    printf("by name: %d %s\n", (int)code, code == CURLHE_OK ? h->value : "");
    printf("not there: %d", (int)curl_easy_header(easy, "X-Nothing", 0, CURLH_HEADER, -1, &h));
    printf(", no second: %d", (int)curl_easy_header(easy, "content-type", 1, CURLH_HEADER, -1, &h));
    printf(", no trailer: %d\n", (int)curl_easy_header(easy, "content-type", 0, CURLH_TRAILER, -1, &h));
}

static void show_all(CURL *easy) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        show_row(easy, &rows[i]);
    check_times(easy);
    show_headers(easy);
    fflush(stdout);
}

static void call_and_show(struct call *c, int number) {
    printf("--- call %d\n", number);
    MUST(curl_easy_setopt(c->easy, CURLOPT_PRIVATE, "private text"));
    MUST(curl_easy_setopt(c->easy, CURLOPT_REFERER, "http://example.com/"));
    MUST(curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, ask(c, number)));
    show_code("perform", curl_easy_perform(c->easy), c->easy);
    show_answer(&c->answer);
    show_all(c->easy);
}

/* Nothing that is told can be of the call before. */
static void each(const char *url) {
    for (int i = 0; i < CALLS; i++) {
        struct call c;
        call_open(&c, url);
        call_and_show(&c, i);
        call_close(&c);
    }
}

static void one_handle(const char *url) {
    struct call c;
    call_open(&c, url);
    for (int i = 0; i < CALLS; i++)
        call_and_show(&c, i);
    printf("--- a copy knows nothing of the transfer\n");
    CURL *copy = curl_easy_duphandle(c.easy);
    show_code("copy", CURLE_OK, copy);
    curl_easy_cleanup(copy);
    printf("--- nor does a handle after a reset\n");
    curl_easy_reset(c.easy);
    show_code("reset", CURLE_OK, c.easy);
    char *text = NULL;
    MUST(curl_easy_getinfo(c.easy, CURLINFO_EFFECTIVE_URL, &text));
    printf("%s\n", text ? text : "(none)");
    call_close(&c);
}

static const struct way ways[] = {
    {"each", each},
    {"one-handle", one_handle},
};

int main(int argc, char **argv) {
    _Static_assert(sizeof rows / sizeof rows[0] >= CURLINFO_LASTONE, "a row is missing");
    return RUN_WAY(argc, argv, ways);
}
