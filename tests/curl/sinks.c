/*
 * Independent model calls on one handle: URL WAY, the way being where the answer's headers and body go. What a
 * callback is called with is printed as far as the network's pace does not decide it.
 */
#include "call.h"
#include <strings.h>

struct sink {
    struct text text;
    size_t largest, calls, empty, headers;
    bool body_begun, header_late, wrong_unit;
};

static size_t take(char *data, size_t one, size_t len, void *user) {
    struct sink *sink = user;
    sink->body_begun = true;
    sink->calls++;
    sink->empty += len == 0;
    sink->wrong_unit |= one != 1;
    if (one * len > sink->largest)
        sink->largest = one * len;
    return collect(data, one, len, &sink->text);
}

/* Prints a header line whole, but for what changes from run to run. */
static size_t print_header(char *data, size_t one, size_t len, void *user) {
    struct sink *sink = user;
    size_t n = one * len;
    sink->headers++;
    sink->header_late |= sink->body_begun;
    if (n > 5 && strncasecmp(data, "date:", 5) == 0)
        n = 5;
    printf("[%.*s]\n", (int)(n >= 2 && data[n - 1] == '\n' ? n - 2 : n), data);
    return one * len;
}

static void show_sink(struct sink *sink) {
    printf("%zu bytes, some call: %d, empty calls: %zu, too large: %d, wrong unit: %d, header after the body: %d\n",
           sink->text.len, sink->calls > 0, sink->empty, sink->largest > CURL_MAX_WRITE_SIZE, sink->wrong_unit,
           sink->header_late);
    show_answer(&sink->text);
    *sink = (struct sink){0};
}

static void open_with_sink(struct call *c, const char *url, struct sink *sink) {
    call_open(c, url);
    MUST(curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, take));
    MUST(curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, sink));
}

static void memory(const char *url) {
    struct call c;
    struct sink sink = {0};
    open_with_sink(&c, url, &sink);
    for (int i = 0; i < CALLS; i++) {
        call_question(&c, i);
        show_code("perform", curl_easy_perform(c.easy), c.easy);
        show_sink(&sink);
    }
    call_close(&c);
}

/* The server's answers are large (its --size), the buffer is small. */
static void small_buffer(const char *url) {
    struct call c;
    struct sink sink = {0};
    open_with_sink(&c, url, &sink);
    MUST(curl_easy_setopt(c.easy, CURLOPT_BUFFERSIZE, 1024L));
    for (int i = 0; i < CALLS; i++) {
        call_question(&c, i);
        show_code("perform", curl_easy_perform(c.easy), c.easy);
        printf("a piece larger than the buffer: %d\n", sink.largest > 1024);
        show_sink(&sink);
    }
    call_close(&c);
}

static void headers(const char *url) {
    struct call c;
    struct sink sink = {0};
    open_with_sink(&c, url, &sink);
    MUST(curl_easy_setopt(c.easy, CURLOPT_HEADERFUNCTION, print_header));
    MUST(curl_easy_setopt(c.easy, CURLOPT_HEADERDATA, &sink));
    for (int i = 0; i < CALLS; i++) {
        call_question(&c, i);
        show_code("perform", curl_easy_perform(c.easy), c.easy);
        printf("%zu header lines\n", sink.headers);
        show_sink(&sink);
    }
    call_close(&c);
}

/* The default sink is stdout, through stdio: what is printed before and after must not be overtaken. */
static void standard_output(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_WRITEFUNCTION, NULL));
    MUST(curl_easy_setopt(c.easy, CURLOPT_WRITEDATA, stdout));
    for (int i = 0; i < CALLS; i++) {
        printf("before %d\n", i);
        call_question(&c, i);
        CURLcode code = curl_easy_perform(c.easy);
        printf("\nafter %d: %d\n", i, (int)code);
    }
    call_close(&c);
}

/* As most first programs do it: no option about the answer at all. */
static void untouched(const char *url) {
    struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
    char where[512];
    char body[512];
    snprintf(where, sizeof where, "%s/chat/completions", url);
    for (int i = 0; i < CALLS; i++) {
        char prompt[32];
        CURL *easy = curl_easy_init();
        snprintf(prompt, sizeof prompt, "question %d", i);
        body_of(body, prompt);
        trust(easy);
        MUST(curl_easy_setopt(easy, CURLOPT_URL, where));
        MUST(curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list));
        MUST(curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body));
        printf("\n%d\n", (int)curl_easy_perform(easy));
        curl_easy_cleanup(easy);
    }
    curl_slist_free_all(list);
}

static void file(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_WRITEFUNCTION, NULL));
    for (int i = 0; i < CALLS; i++) {
        char name[32];
        snprintf(name, sizeof name, "answer-%d", i);
        FILE *to = fopen(name, "w");
        FILE *heads = fopen("heads", i ? "a" : "w");
        fprintf(to, "before\n");
        MUST(curl_easy_setopt(c.easy, CURLOPT_WRITEDATA, to));
        MUST(curl_easy_setopt(c.easy, CURLOPT_HEADERDATA, heads));
        call_question(&c, i);
        show_code("perform", curl_easy_perform(c.easy), c.easy);
        fprintf(to, "\nafter\n");
        fclose(to);
        fclose(heads);
        to = fopen(name, "r");
        char start[24] = "";
        size_t n = fread(start, 1, sizeof start - 1, to);
        printf("%zu [%s]\n", n, start);
        fclose(to);
    }
    call_close(&c);
}

/* Headers and body through the same callback, in order. */
static void header_in_body(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_HEADER, 1L));
    for (int i = 0; i < CALLS; i++) {
        call_question(&c, i);
        MUST(curl_easy_perform(c.easy));
        printf("%s\n", c.answer.data);
        text_clear(&c.answer);
    }
    call_close(&c);
}

/* HEADERDATA without a HEADERFUNCTION: the write callback gets the headers too, with that pointer. */
static void header_data(const char *url) {
    struct call c;
    struct text heads = {0};
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_HEADERDATA, &heads));
    for (int i = 0; i < CALLS; i++) {
        call_question(&c, i);
        MUST(curl_easy_perform(c.easy));
        printf("%s", heads.data ? heads.data : "no headers\n");
        text_clear(&heads);
        show_answer(&c.answer);
    }
    call_close(&c);
}

struct seen {
    bool called, upload_total, whole;
};

static int watch(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now) {
    struct seen *seen = user;
    seen->called = true;
    seen->upload_total |= up_total > 0 && up_now == up_total;
    seen->whole = total > 0 && now == total;
    return 0;
}

static int watch_old(void *user, double total, double now, double up_total, double up_now) {
    return watch(user, (curl_off_t)total, (curl_off_t)now, (curl_off_t)up_total, (curl_off_t)up_now);
}

static void progress(const char *url) {
    struct call c;
    call_open(&c, url);
    for (int i = 0; i < CALLS; i++) {
        struct seen seen = {0};
        if (i < CALLS / 2) {
            MUST(curl_easy_setopt(c.easy, CURLOPT_XFERINFOFUNCTION, watch));
        } else {
            MUST(curl_easy_setopt(c.easy, CURLOPT_XFERINFOFUNCTION, NULL));
            MUST(curl_easy_setopt(c.easy, CURLOPT_PROGRESSFUNCTION, watch_old));
        }
        MUST(curl_easy_setopt(c.easy, CURLOPT_XFERINFODATA, &seen));
        MUST(curl_easy_setopt(c.easy, CURLOPT_NOPROGRESS, i % 3 == 2 ? 1L : 0L));
        call_ask(&c, i);
        printf("called %d, upload complete %d, download complete %d\n", seen.called, seen.upload_total, seen.whole);
    }
    call_close(&c);
}

/* Answers come as a stream of events, piece by piece. */
static void stream(const char *url) {
    struct call c;
    struct sink sink = {0};
    open_with_sink(&c, url, &sink);
    for (int i = 0; i < CALLS; i++) {
        snprintf(c.body, sizeof c.body,
                 "{\"model\": \"test-model\", \"stream\": true, \"messages\": [{\"role\": \"user\", \"content\": \"q "
                 "%d\"}]}",
                 i);
        MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDS, c.body));
        show_code("perform", curl_easy_perform(c.easy), c.easy);
        printf("in pieces: %d\n%s", sink.calls > 1, sink.text.data ? sink.text.data : "");
        text_clear(&sink.text);
        sink = (struct sink){0};
    }
    call_close(&c);
}

/* A debug callback makes libcurl talk; what it says of the program's own doing is the same each time. */
static int listen_in(CURL *easy, curl_infotype kind, char *data, size_t len, void *user) {
    (void)easy;
    (void)user;
    if (kind == CURLINFO_HEADER_OUT || kind == CURLINFO_DATA_OUT)
        printf("%d {%.*s}\n", (int)kind, (int)len, data);
    return 0;
}

static void verbose(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_VERBOSE, 1L));
    MUST(curl_easy_setopt(c.easy, CURLOPT_DEBUGFUNCTION, listen_in));
    for (int i = 0; i < 3; i++)
        call_ask(&c, i);
    call_close(&c);
}

static const struct way ways[] = {
    {"memory", memory},
    {"small-buffer", small_buffer},
    {"headers", headers},
    {"stdout", standard_output},
    {"untouched", untouched},
    {"file", file},
    {"header-in-body", header_in_body},
    {"header-data", header_data},
    {"progress", progress},
    {"stream", stream},
    {"verbose", verbose},
};

int main(int argc, char **argv) {
    return RUN_WAY(argc, argv, ways);
}
