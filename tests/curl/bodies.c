/*
 * Independent model calls on one handle: URL WAY, the way being how the request's body is handed to libcurl.
 */
#include "call.h"

/* What a read callback still has to give, in pieces of `step` bytes. */
struct source {
    const char *data;
    size_t len, step, given;
};

static size_t give(char *to, size_t one, size_t room, void *user) {
    struct source *from = user;
    size_t n = from->len - from->given;
    if (n > from->step)
        n = from->step;
    if (n > one * room)
        n = one * room;
    memcpy(to, from->data + from->given, n);
    from->given += n;
    return n;
}

static int rewind_source(void *user, curl_off_t offset, int origin) {
    struct source *from = user;
    from->given = (size_t)offset;
    return origin == SEEK_SET ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_CANTSEEK;
}

static void postfields(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDS, c.body));
    for (int i = 0; i < CALLS; i++) {
        ask(&c, i); /* not copied: changing the buffer changes the next request */
        call_perform(&c);
    }
    call_close(&c);
}

static void copied(const char *url) {
    struct call c;
    call_open(&c, url);
    for (int i = 0; i < CALLS; i++) {
        MUST(curl_easy_setopt(c.easy, CURLOPT_COPYPOSTFIELDS, ask(&c, i)));
        memset(c.body, 'x', sizeof c.body); /* copied: this does not */
        call_perform(&c);
    }
    call_close(&c);
}

/* The size says where the body ends: what follows in the buffer is not part of it, and a zero byte is. */
static void sized(const char *url) {
    struct call c;
    call_open(&c, url);
    for (int i = 0; i < CALLS; i++) {
        size_t len = strlen(ask(&c, i));
        memcpy(c.body + len, "garbage", 8);
        if (i % 2)
            MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDSIZE, (long)len));
        else
            MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len));
        MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDS, c.body));
        call_perform(&c);
    }
    call_close(&c);
}

static void sized_copy(const char *url) {
    struct call c;
    call_open(&c, url);
    for (int i = 0; i < CALLS; i++) {
        size_t len = strlen(ask(&c, i));
        memcpy(c.body + len, "garbage", 8);
        MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDSIZE, (long)len));
        MUST(curl_easy_setopt(c.easy, CURLOPT_COPYPOSTFIELDS, c.body));
        memset(c.body, 'x', sizeof c.body);
        call_perform(&c);
    }
    call_close(&c);
}

/* A size of -1 after one of its own: the body ends at the zero byte again. */
static void resized(const char *url) {
    struct call c;
    call_open(&c, url);
    for (int i = 0; i < CALLS; i++) {
        call_question(&c, i);
        MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDSIZE, i % 2 ? -1L : (long)strlen(c.body)));
        call_perform(&c);
    }
    call_close(&c);
}

/* Larger than one write to a socket takes, so sent in several. */
static void large(const char *url) {
    enum {
        SIZE = 512 * 1024
    };
    char *body = malloc(SIZE + 512);
    struct call c;
    if (!body)
        return;
    call_open(&c, url);
    for (int i = 0; i < CALLS; i++) {
        char *filler = malloc(SIZE + 1);
        if (!filler)
            return;
        memset(filler, 'a' + i, SIZE);
        filler[SIZE] = '\0';
        snprintf(body, SIZE + 512,
                 "{\"model\": \"test-model\", \"messages\": [{\"role\": \"user\", \"content\": \"%s\"}]}", filler);
        free(filler);
        MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body)));
        MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDS, body));
        call_perform(&c);
    }
    call_close(&c);
    free(body);
}

static void read_with(const char *url, size_t step, bool knows_size, bool upload) {
    struct call c;
    struct source from = {.step = step};
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_READFUNCTION, give));
    MUST(curl_easy_setopt(c.easy, CURLOPT_READDATA, &from));
    MUST(curl_easy_setopt(c.easy, CURLOPT_SEEKFUNCTION, rewind_source));
    MUST(curl_easy_setopt(c.easy, CURLOPT_SEEKDATA, &from));
    MUST(curl_easy_setopt(c.easy, upload ? CURLOPT_UPLOAD : CURLOPT_POST, 1L));
    if (upload)
        MUST(curl_easy_setopt(c.easy, CURLOPT_CUSTOMREQUEST, "POST"));
    if (!knows_size) {
        c.headers = curl_slist_append(c.headers, "Transfer-Encoding: chunked");
        MUST(curl_easy_setopt(c.easy, CURLOPT_HTTPHEADER, c.headers));
    }
    for (int i = 0; i < CALLS; i++) {
        from.data = ask(&c, i);
        from.len = strlen(from.data);
        from.given = 0;
        if (knows_size)
            MUST(curl_easy_setopt(c.easy, upload ? CURLOPT_INFILESIZE_LARGE : CURLOPT_POSTFIELDSIZE_LARGE,
                                  (curl_off_t)from.len));
        call_perform(&c);
        printf("%zu of %zu bytes were read\n", from.given, from.len);
    }
    call_close(&c);
}

static void read_function(const char *url) {
    read_with(url, 4096, true, false);
}

static void read_in_steps(const char *url) {
    read_with(url, 7, true, false);
}

static void read_chunked(const char *url) {
    read_with(url, 40, false, false);
}

static void upload(const char *url) {
    read_with(url, 4096, true, true);
}

/* The default read function: fread from a FILE. */
static void read_file(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_POST, 1L));
    for (int i = 0; i < CALLS; i++) {
        size_t len = strlen(ask(&c, i));
        FILE *from = fmemopen(c.body, len, "r");
        MUST(curl_easy_setopt(c.easy, CURLOPT_READDATA, from));
        MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len));
        call_perform(&c);
        fclose(from);
    }
    call_close(&c);
}

/* A form: no model call, whatever its path says. */
static void mime(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_HTTPHEADER, NULL));
    for (int i = 0; i < 3; i++) {
        curl_mime *form = curl_mime_init(c.easy);
        curl_mimepart *part = curl_mime_addpart(form);
        curl_mime_name(part, "question");
        curl_mime_data(part, ask(&c, i), CURL_ZERO_TERMINATED);
        MUST(curl_easy_setopt(c.easy, CURLOPT_MIMEPOST, form));
        CURLcode code = curl_easy_perform(c.easy);
        show_code("form", code, c.easy);
        text_clear(&c.answer);
        MUST(curl_easy_setopt(c.easy, CURLOPT_MIMEPOST, NULL));
        curl_mime_free(form);
    }
    MUST(curl_easy_setopt(c.easy, CURLOPT_HTTPHEADER, c.headers));
    char *form = strstr(c.url, "/form");
    if (form)
        memmove(form, form + 5, strlen(form + 5) + 1);
    MUST(curl_easy_setopt(c.easy, CURLOPT_URL, c.url));
    for (int i = 0; i < 3; i++) {
        MUST(curl_easy_setopt(c.easy, CURLOPT_COPYPOSTFIELDS, ask(&c, i)));
        call_perform(&c);
    }
    call_close(&c);
}

/* From a form back to a body, to no body, to a GET, and back. */
static void changing(const char *url) {
    struct call c;
    char models[512];
    call_open(&c, url);
    snprintf(models, sizeof models, "%s/models", url);
    for (int i = 0; i < 3; i++) {
        MUST(curl_easy_setopt(c.easy, CURLOPT_URL, c.url));
        MUST(curl_easy_setopt(c.easy, CURLOPT_COPYPOSTFIELDS, ask(&c, i)));
        call_perform(&c);
        MUST(curl_easy_setopt(c.easy, CURLOPT_URL, models));
        MUST(curl_easy_setopt(c.easy, CURLOPT_HTTPGET, 1L));
        show_code("models", curl_easy_perform(c.easy), c.easy);
        printf("%.40s\n", c.answer.data ? c.answer.data : "");
        text_clear(&c.answer);
        MUST(curl_easy_setopt(c.easy, CURLOPT_URL, c.url));
        MUST(curl_easy_setopt(c.easy, CURLOPT_POST, 1L));
        MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDS, ""));
        show_code("empty", curl_easy_perform(c.easy), c.easy);
        text_clear(&c.answer);
        MUST(curl_easy_setopt(c.easy, CURLOPT_NOBODY, 1L));
        show_code("head", curl_easy_perform(c.easy), c.easy);
        text_clear(&c.answer);
        MUST(curl_easy_setopt(c.easy, CURLOPT_NOBODY, 0L));
    }
    call_close(&c);
}

/* The method's name said by hand, with a body. */
static void custom_request(const char *url) {
    struct call c;
    static const char *const methods[] = {"POST", "PUT", "PATCH", "POST", NULL, "POST"};
    call_open(&c, url);
    for (int i = 0; i < CALLS; i++) {
        MUST(curl_easy_setopt(c.easy, CURLOPT_CUSTOMREQUEST, methods[i]));
        MUST(curl_easy_setopt(c.easy, CURLOPT_COPYPOSTFIELDS, ask(&c, i)));
        call_perform(&c);
    }
    call_close(&c);
}

static const struct way ways[] = {
    {"postfields", postfields},
    {"copied", copied},
    {"sized", sized},
    {"sized-copy", sized_copy},
    {"resized", resized},
    {"large", large},
    {"read-function", read_function},
    {"read-in-steps", read_in_steps},
    {"read-chunked", read_chunked},
    {"upload", upload},
    {"read-file", read_file},
    {"mime", mime},
    {"changing", changing},
    {"custom-request", custom_request},
};

int main(int argc, char **argv) {
    return RUN_WAY(argc, argv, ways);
}
