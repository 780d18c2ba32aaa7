/*
 * What programs do with handles besides performing once: URL WAY. Copies, resets, odd orders, and misuse that libcurl
 * tolerates; each prints what it got.
 */
#include "call.h"
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static void each(const char *url) {
    for (int i = 0; i < CALLS; i++) {
        struct call c;
        call_open(&c, url);
        call_ask(&c, i);
        call_close(&c);
    }
}

/* The size first: libcurl 7.88 cannot copy a handle whose copied body has none. */
static void set_copied(CURL *easy, const char *body) {
    MUST(curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body)));
    MUST(curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body));
}

/* Everything is set once in a template; each call is made with a copy of it. */
static void copies(const char *url) {
    struct call c;
    call_open(&c, url);
    set_copied(c.easy, ask(&c, 100));
    for (int i = 0; i < CALLS; i++) {
        CURL *copy = curl_easy_duphandle(c.easy);
        if (i % 2)
            set_copied(copy, ask(&c, i));
        show_code("copy", curl_easy_perform(copy), copy);
        show_answer(&c.answer);
        curl_easy_cleanup(copy);
    }
    call_perform(&c);
    call_close(&c);
}

/* A copy outlives what it was copied from, and changes in one do not show in the other. */
static void copy_outlives(const char *url) {
    struct call c;
    call_open(&c, url);
    set_copied(c.easy, ask(&c, 0));
    CURL *copy = curl_easy_duphandle(c.easy);
    set_copied(c.easy, ask(&c, 1));
    call_perform(&c);
    curl_easy_cleanup(c.easy);
    c.easy = copy;
    call_perform(&c);
    set_copied(copy, ask(&c, 2));
    call_perform(&c);
    call_close(&c);
}

static void reset(const char *url) {
    struct call c;
    call_open(&c, url);
    for (int i = 0; i < CALLS; i++) {
        MUST(curl_easy_setopt(c.easy, CURLOPT_USERAGENT, i % 2 ? "odd" : "even"));
        call_ask(&c, i);
        curl_easy_reset(c.easy);
        call_options(&c);
    }
    curl_easy_reset(c.easy);
    show_code("nothing set", curl_easy_perform(c.easy), c.easy);
    call_close(&c);
}

/* The answer's data is used after the handle, and the handle after its lists. */
static void odd_order(const char *url) {
    struct call c[3];
    for (int i = 0; i < 3; i++) {
        call_open(&c[i], url);
        call_question(&c[i], i);
    }
    for (int i = 2; i >= 0; i--)
        show_code("perform", curl_easy_perform(c[i].easy), c[i].easy);
    curl_easy_cleanup(c[1].easy);
    show_answer(&c[1].answer);
    show_answer(&c[2].answer);
    curl_easy_cleanup(c[0].easy);
    show_answer(&c[0].answer);
    for (int i = 0; i < 3; i++)
        curl_slist_free_all(c[i].headers);
    curl_easy_cleanup(c[2].easy);
    curl_easy_cleanup(NULL);
    for (int i = 0; i < 3; i++) { /* the same address again, most likely: nothing may be left of the last owner */
        CURL *fresh = curl_easy_init();
        show_code("fresh", curl_easy_perform(fresh), fresh);
        curl_easy_cleanup(fresh);
    }
}

static void misuse(const char *url) {
    struct call c;
    long status = 77;
    char *text = NULL;
    call_open(&c, url);
    printf("before: %d", (int)curl_easy_getinfo(c.easy, CURLINFO_RESPONSE_CODE, &status));
    printf(" %ld", status);
    printf(" %d", (int)curl_easy_getinfo(c.easy, CURLINFO_CONTENT_TYPE, &text));
    printf(" %s\n", text ? text : "none");
    call_ask(&c, 0);
    call_perform(&c); /* the same again: a call of its own */
    call_perform(&c);
    printf("unknown option: %d\n", (int)(curl_easy_setopt)(c.easy, (CURLoption)9999, 1L));
    printf("unknown info: %d\n", (int)(curl_easy_getinfo)(c.easy, (CURLINFO)(CURLINFO_LONG + 999), &status));
    printf("no info: %d\n", (int)(curl_easy_getinfo)(c.easy, CURLINFO_NONE, &status));
    printf("bad value: %d\n", (int)curl_easy_setopt(c.easy, CURLOPT_HTTP_VERSION, 4711L));
    printf("no handle: %d %d %d\n", (int)(curl_easy_perform)(NULL), (int)(curl_easy_setopt)(NULL, CURLOPT_POST, 1L),
           (int)(curl_easy_getinfo)(NULL, CURLINFO_RESPONSE_CODE, &status));
    curl_easy_cleanup(NULL);
    MUST(curl_easy_setopt(c.easy, CURLOPT_URL, NULL));
    show_code("no URL", curl_easy_perform(c.easy), c.easy);
    MUST(curl_easy_setopt(c.easy, CURLOPT_URL, c.url));
    call_ask(&c, 1);
    printf("pause of an idle handle: %d\n", (int)curl_easy_pause(c.easy, CURLPAUSE_CONT));
    curl_easy_getinfo(c.easy, CURLINFO_RESPONSE_CODE, &status);
    printf("after: %ld\n", status);
    call_close(&c);
}

/* What a callback may not do, and what it may. */
static size_t meddle(char *data, size_t one, size_t len, void *user) {
    struct call *c = user;
    long status = 0;
    if (!c->answer.len) {
        printf("perform inside: %d\n", (int)curl_easy_perform(c->easy));
        printf("option inside: %d\n", (int)curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "meddler"));
        printf("info inside: %d", (int)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status));
        printf(" %ld\n", status);
    }
    return collect(data, one, len, &c->answer);
}

static void inside(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_WRITEFUNCTION, meddle));
    MUST(curl_easy_setopt(c.easy, CURLOPT_WRITEDATA, &c));
    for (int i = 0; i < CALLS; i++)
        call_ask(&c, i);
    call_close(&c);
}

/* A call made in the callback of another. */
static size_t call_inside(char *data, size_t one, size_t len, void *user) {
    struct call *outer = user;
    struct call *inner = curl_easy_getinfo(outer->easy, CURLINFO_PRIVATE, &inner) == CURLE_OK ? inner : NULL;
    if (inner && !outer->answer.len) {
        MUST(curl_easy_setopt(inner->easy, CURLOPT_POSTFIELDS, inner->body));
        call_perform(inner);
    }
    return collect(data, one, len, &outer->answer);
}

static void nested(const char *url) {
    struct call outer;
    struct call inner;
    call_open(&outer, url);
    call_open(&inner, url);
    MUST(curl_easy_setopt(outer.easy, CURLOPT_PRIVATE, &inner));
    MUST(curl_easy_setopt(outer.easy, CURLOPT_WRITEFUNCTION, call_inside));
    MUST(curl_easy_setopt(outer.easy, CURLOPT_WRITEDATA, &outer));
    for (int i = 0; i < 3; i++) {
        ask(&inner, 100 + i);
        call_ask(&outer, i);
    }
    call_close(&inner);
    call_close(&outer);
}

/* One handle by turns as an easy one and in a multi. */
static void multi(const char *url) {
    struct call c;
    CURLM *many = curl_multi_init();
    call_open(&c, url);
    for (int i = 0; i < CALLS; i++) {
        call_question(&c, i);
        if (i % 3 == 1) {
            int running = 1;
            curl_multi_add_handle(many, c.easy);
            printf("perform while in a multi: %d\n", (int)curl_easy_perform(c.easy));
            while (running) {
                curl_multi_perform(many, &running);
                curl_multi_poll(many, NULL, 0, 1000, NULL);
            }
            curl_multi_remove_handle(many, c.easy);
            show_answer(&c.answer);
        } else {
            call_perform(&c);
        }
    }
    call_close(&c);
    curl_multi_cleanup(many);
}

/* Handles that share a cache of names and connections, as the curl command's do. */
static void shared(const char *url) {
    static const curl_lock_data things[] = {CURL_LOCK_DATA_DNS, CURL_LOCK_DATA_CONNECT, CURL_LOCK_DATA_SSL_SESSION};
    ask_in_a_share(url, things, 3);
}

struct worker {
    const char *url;
    int number;
    struct text said;
};

static void *work(void *user) {
    struct worker *worker = user;
    struct call c;
    call_open(&c, worker->url);
    for (int i = 0; i < 3; i++) {
        call_question(&c, 10 * worker->number + i);
        MUST(curl_easy_perform(c.easy));
        collect(c.answer.data, 1, c.answer.len, &worker->said);
        text_clear(&c.answer);
    }
    call_close(&c);
    return NULL;
}

static void threads(const char *url) {
    struct worker workers[3];
    pthread_t ids[3];
    for (int i = 0; i < 3; i++) {
        workers[i] = (struct worker){.url = url, .number = i};
        pthread_create(&ids[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(ids[i], NULL);
        printf("%s\n", workers[i].said.data);
        text_clear(&workers[i].said);
    }
}

/* Each question holds the answer before it. */
static void chain(const char *url) {
    struct call c;
    char last[128] = "start";
    call_open(&c, url);
    for (int i = 0; i < CALLS; i++) {
        char prompt[256];
        snprintf(prompt, sizeof prompt, "after %.40s", last);
        body_of(c.body, prompt);
        MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDS, c.body));
        MUST(curl_easy_perform(c.easy));
        const char *content = strstr(c.answer.data, "\"content\":\"");
        snprintf(last, sizeof last, "%.*s", (int)strcspn(content + 11, "\""), content + 11);
        show_answer(&c.answer);
    }
    call_close(&c);
}

/* Independent calls and a last one that needs all of them. */
static void final(const char *url) {
    struct call c;
    char all[256] = "";
    call_open(&c, url);
    for (int i = 0; i < 8; i++) {
        call_question(&c, i);
        MUST(curl_easy_perform(c.easy));
        const char *content = strstr(c.answer.data, "\"content\":\"");
        snprintf(all + strlen(all), sizeof all - strlen(all), "%.18s ", content + 11);
        show_answer(&c.answer);
    }
    body_of(c.body, all);
    MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDS, c.body));
    call_perform(&c);
    call_close(&c);
}

/* More calls than can be ahead at once. */
static void many(const char *url) {
    struct call c;
    call_open(&c, url);
    for (int i = 0; i < 150; i++)
        call_ask(&c, i);
    call_close(&c);
}

/* A child of the program's makes calls of its own, with the parent's handle and with a new one. */
static void forked(const char *url) {
    struct call c;
    call_open(&c, url);
    for (int i = 0; i < CALLS; i++) {
        call_ask(&c, i);
        if (i != 1)
            continue;
        pid_t child = fork();
        if (child == 0) {
            struct call own;
            call_question(&c, 20);
            MUST(curl_easy_setopt(c.easy, CURLOPT_FRESH_CONNECT, 1L));
            call_perform(&c);
            call_open(&own, url);
            call_ask(&own, 21);
            fflush(stdout);
            _exit(3);
        }
        int status = 0;
        waitpid(child, &status, 0);
        printf("the child returned %d\n", WEXITSTATUS(status));
    }
    call_close(&c);
}

/* libcurl only makes the connection; the program speaks on it by itself. */
static void connect_only(const char *url) {
    struct call c;
    call_open(&c, url);
    for (int i = 0; i < 3; i++) {
        char request[1024];
        char answer[2048];
        size_t len = 0;
        size_t n = 0;
        CURLcode code = CURLE_AGAIN;
        struct pollfd p = {.events = POLLIN};
        MUST(curl_easy_setopt(c.easy, CURLOPT_CONNECT_ONLY, 1L));
        MUST(curl_easy_perform(c.easy));
        ask(&c, i);
        snprintf(
            request, sizeof request,
            "POST /v1/chat/completions HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
            strlen(c.body), c.body);
        MUST(curl_easy_send(c.easy, request, strlen(request), &n));
        MUST(curl_easy_getinfo(c.easy, CURLINFO_ACTIVESOCKET, &p.fd));
        while (len < sizeof answer - 1 && (code == CURLE_AGAIN || n > 0)) {
            poll(&p, 1, 10000);
            n = 0;
            code = curl_easy_recv(c.easy, answer + len, sizeof answer - 1 - len, &n);
            len += n;
        }
        answer[len] = '\0';
        printf("%.15s\n", answer);
        collect(answer, 1, len, &c.answer);
        show_answer(&c.answer);
    }
    call_close(&c);
}

/* The environment's proxy comes late: calls from then on go through it. */
static void late_proxy(const char *url) {
    struct call c;
    const char *front = getenv("FRONT");
    call_open(&c, url);
    for (int i = 0; i < CALLS; i++) {
        if (i == 2 && front)
            setenv("http_proxy", front, 1);
        call_ask(&c, i);
    }
    call_close(&c);
}

/* A relative path means another file when the directory has changed. */
static void late_directory(const char *url) {
    struct call c;
    char directory[512];
    snprintf(directory, sizeof directory, "%s", getenv("CA_FILE"));
    char *name = strrchr(directory, '/');
    *name++ = '\0';
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_FRESH_CONNECT, 1L));
    for (int i = 0; i < CALLS; i++) {
        if (i == 2) {
            MUST(curl_easy_setopt(c.easy, CURLOPT_CAINFO, name));
        } else if (i == 3 && chdir(directory) != 0) {
            printf("no such directory\n");
        }
        call_ask(&c, i);
    }
    call_close(&c);
}

static const struct way ways[] = {
    {"each", each},
    {"copies", copies},
    {"copy-outlives", copy_outlives},
    {"reset", reset},
    {"odd-order", odd_order},
    {"misuse", misuse},
    {"inside", inside},
    {"nested", nested},
    {"multi", multi},
    {"shared", shared},
    {"threads", threads},
    {"chain", chain},
    {"final", final},
    {"many", many},
    {"forked", forked},
    {"connect-only", connect_only},
    {"late-proxy", late_proxy},
    {"late-directory", late_directory},
};

int main(int argc, char **argv) {
    return RUN_WAY(argc, argv, ways);
}
