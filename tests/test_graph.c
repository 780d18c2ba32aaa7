/*
 * The graph's promises: a request is taken for another only when it is the same one; text that is not known yet is recognised
 * wherever a program carried it; program order is kept.
 */
#include "../src/graph.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATH "/v1/chat/completions"
#define HOST "Host: a\r\n"

static struct xcs_addr addr4(const char *ip, uint16_t port) {
    struct xcs_addr a = {.len = sizeof(struct sockaddr_in)};
    a.u.in.sin_family = AF_INET;
    a.u.in.sin_port = htons(port);
    assert_int_equal(inet_pton(AF_INET, ip, &a.u.in.sin_addr), 1);
    return a;
}

static struct xcs_addr addr6(const char *ip, uint16_t port) {
    struct xcs_addr a = {.len = sizeof(struct sockaddr_in6)};
    a.u.in6.sin6_family = AF_INET6;
    a.u.in6.sin6_port = htons(port);
    assert_int_equal(inet_pton(AF_INET6, ip, &a.u.in6.sin6_addr), 1);
    return a;
}

static struct request *request(const char *method, const char *target, const char *headers, const char *body) {
    struct intake *in = intake_new();
    struct request *r = NULL;
    struct buf text = {0};
    buf_print(&text, "%s %s HTTP/1.1\r\n%sContent-Length: %zu\r\n\r\n", method, target, headers, strlen(body));
    buf_add(&text, body, strlen(body));
    assert_int_equal(intake_feed(in, text.p, text.len, &r), INTAKE_REQUEST);
    buf_free(&text);
    intake_free(in);
    return r;
}

static struct call call_of(const struct xcs_addr *addr, const struct request *r) {
    struct call call;
    const char *why;
    assert_true(detect(addr, r, &call, &why));
    return call;
}

static struct node *add(struct graph *g, uint64_t id, const char *headers, const char *body) {
    struct xcs_addr addr = addr4("127.0.0.1", 80);
    struct request *r = request("POST", PATH, headers, body);
    return graph_add(g, id, &addr, r, call_of(&addr, r));
}

/* A chat call whose only message is `text`. */
static struct node *add_chat(struct graph *g, uint64_t id, const char *text) {
    struct buf body = {0};
    buf_print(&body, "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}", text);
    struct node *n = add(g, id, HOST, body.p);
    buf_free(&body);
    return n;
}

/* --- equality --- */

static void check_same(const char *headers_a, const char *body_a, const char *headers_b, const char *body_b,
                       const char *difference) {
    struct xcs_addr addr = addr4("127.0.0.1", 80);
    struct request *a = request("POST", PATH, headers_a, body_a), *b = request("POST", PATH, headers_b, body_b);
    char why[80] = "";
    bool same = request_same(&addr, a, &addr, b, why, sizeof(why));
    assert_int_equal(request_same(&addr, b, &addr, a, NULL, 0), same);
    assert_int_equal(same, difference == NULL);
    if (difference)
        assert_string_equal(why, difference);
    else
        assert_int_equal(request_hash(&addr, a), request_hash(&addr, b));
    request_free(a);
    request_free(b);
}

static void test_same_requests(void **state) {
    (void)state;
    check_same(HOST, "abc", HOST, "abc", NULL);
    check_same(HOST, "", HOST, "", NULL);
    check_same("A: 1\r\nB: 2\r\n", "x", "B: 2\r\nA: 1\r\n", "x", NULL);
    check_same("A: 1\r\nB: 2\r\nA: 3\r\n", "x", "B: 2\r\nA: 1\r\nA: 3\r\n", "x", NULL);
    check_same(HOST "X-Request-Id: 1\r\n", "x", HOST "X-Request-ID: 2\r\n", "x", NULL);
    check_same(HOST "Idempotency-Key: 1\r\nTraceparent: 0\r\n", "x", HOST, "x", NULL);
}

static void test_different_requests(void **state) {
    (void)state;
    check_same(HOST, "abc", HOST, "abd", "body differs at byte 2");
    check_same("Host: a\r\n", "x", "Host: b\r\n", "x", "header Host differs");
    check_same("A: 1\r\nA: 2\r\n", "x", "A: 2\r\nA: 1\r\n", "x", "header A differs"); /* its order means something */
    check_same("A: 1\r\nA: 1\r\n", "x", "A: 1\r\nB: 1\r\n", "x", "header A differs");
    check_same("Authorization: a\r\n", "x", "Authorization: b\r\n", "x", "header Authorization differs");
    check_same(HOST, "ab", HOST, "abc", "body differs at byte 2");
}

static void test_header_in_one_only(void **state) {
    (void)state;
    struct xcs_addr addr = addr4("127.0.0.1", 80);
    struct request *a = request("POST", PATH, HOST, "x"), *b = request("POST", PATH, HOST "B: 1\r\n", "x");
    char why[80];
    assert_false(request_same(&addr, a, &addr, b, why, sizeof(why)));
    assert_string_equal(why, "header B differs");
    assert_false(request_same(&addr, b, &addr, a, why, sizeof(why)));
    assert_string_equal(why, "header B differs");
    request_free(a);
    request_free(b);
}

static void test_different_line_or_origin(void **state) {
    (void)state;
    struct xcs_addr here = addr4("127.0.0.1", 80);
    const struct xcs_addr others[] = {addr4("127.0.0.1", 81), addr4("127.0.0.2", 80), addr6("::ffff:127.0.0.1", 80)};
    struct request *a = request("POST", PATH, HOST, "x"), *b = request("POST", PATH, HOST, "x");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(request_same(&here, a, &others[i], b, NULL, 0));
        assert_true(request_same(&others[i], a, &others[i], b, NULL, 0));
    }
    struct request *put = request("PUT", PATH, HOST, "x"), *query = request("POST", PATH "?a=1", HOST, "x");
    assert_false(request_same(&here, a, &here, put, NULL, 0));
    assert_false(request_same(&here, a, &here, query, NULL, 0));
    request_free(a);
    request_free(b);
    request_free(put);
    request_free(query);
}

/* What sockaddr_in leaves undefined has no part in it. */
static void test_padding_does_not_count(void **state) {
    (void)state;
    struct xcs_addr a = addr4("127.0.0.1", 80), b = a;
    memset(b.u.in.sin_zero, 0xff, sizeof(b.u.in.sin_zero));
    struct request *r = request("POST", PATH, HOST, "x");
    assert_true(request_same(&a, r, &b, r, NULL, 0));
    request_free(r);
}

/* --- canaries --- */

static void test_canaries_differ(void **state) {
    (void)state;
    struct canaries c, d;
    char one[CANARY_LEN + 1], two[CANARY_LEN + 1];
    canaries_init(&c);
    canaries_init(&d);
    assert_string_not_equal(c.prefix, d.prefix);
    canary_make(&c, one);
    canary_make(&c, two);
    assert_int_equal(strlen(one), CANARY_LEN);
    assert_string_not_equal(one, two);
    for (size_t i = 0; i < CANARY_LEN; i++)
        assert_true(islower((unsigned char)one[i]) || isdigit((unsigned char)one[i]));
}

static void test_canary_is_found(void **state) {
    (void)state;
    struct canaries c;
    char word[CANARY_LEN + 1], text[64];
    canaries_init(&c);
    canary_make(&c, word);
    for (int cut = CANARY_PREFIX; cut <= CANARY_LEN; cut++) {
        snprintf(text, sizeof(text), "ab q %.*s.", cut, word);
        assert_ptr_equal(canary_find(&c, text, strlen(text)), text + 5);
        text[5] = (char)toupper((unsigned char)text[5]);
        text[8] = (char)toupper((unsigned char)text[8]);
        assert_ptr_equal(canary_find(&c, text, strlen(text)), text + 5);
    }
    snprintf(text, sizeof(text), "%.*s", CANARY_PREFIX, word);
    assert_ptr_equal(canary_find(&c, text, CANARY_PREFIX), text);
    assert_null(canary_find(&c, text, CANARY_PREFIX - 1));
    assert_null(canary_find(&c, "", 0));
    assert_null(canary_find(&c, "qqqqqqqzqzqz", 12));
}

static void test_canary_fits(void **state) {
    (void)state;
    struct canaries c;
    char w[CANARY_LEN + 1], v[CANARY_LEN + 1], text[128];
    canaries_init(&c);
    canary_make(&c, w);
    canary_make(&c, v);
    const struct {
        const char *before, *between, *after, *actual;
        bool fits;
    } rows[] = {
        {"a:", "/", ".", "a:one/two.", true},
        {"a:", "/", ".", "a:/.", true},
        {"a:", "/", ".", "a:x/y/z.", true},
        {"a:", "/", ".", "b:one/two.", false},
        {"a:", "/", ".", "a:one two.", false},
        {"a:", "/", ".", "a:one/two", false},
        {"a:", "/", ".", "a:", false},
        {"", "", "", "anything", true},
        {"", "", "", "", true},
        {"aa", "aa", "aa", "aaaa", false},
        {"aa", "aa", "aa", "aaaaaa", true},
        {"a:", "", ".", "a:one.", true},
        {"a:", "/", "end", "a:1/end2end", true},
        {"a:", "/", "end", "a:1/en", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "%s%s%s%s%s", rows[i].before, w, rows[i].between, v, rows[i].after);
        if (canary_fits(&c, text, strlen(text), rows[i].actual, strlen(rows[i].actual)) != rows[i].fits)
            fail_msg("row %zu", i);
        assert_true(canary_fits(&c, text, strlen(text), text, strlen(text)));
    }
    assert_true(canary_fits(&c, "abc", 3, "abc", 3));
    assert_false(canary_fits(&c, "abc", 3, "abcd", 4));
}

/* --- edges --- */

static const char *first_canary(struct graph *g, struct node *n, char word[CANARY_LEN + 1]) {
    const struct buf *b = graph_placeholder(g, n);
    const char *p = strstr(b->p, "\"content\":\"");
    assert_non_null(p);
    memcpy(word, p + 11, CANARY_LEN);
    word[CANARY_LEN] = '\0';
    return word;
}

static size_t nedges(const struct node *n) {
    size_t count = 0;
    for (const struct edge *e = n->edges; e; e = e->next)
        count++;
    return count;
}

static void test_edges(void **state) {
    (void)state;
    struct graph g;
    char a[CANARY_LEN + 1], b[CANARY_LEN + 1], text[128];
    graph_init(&g);
    struct node *one = add_chat(&g, 1, "x"), *two = add_chat(&g, 2, "y"), *three = add_chat(&g, 3, "z");
    first_canary(&g, one, a);
    first_canary(&g, two, b);
    assert_ptr_equal(graph_placeholder(&g, one), &one->placeholder);
    assert_string_equal(first_canary(&g, one, text), a); /* built once */
    assert_false(graph_link(&g, three));
    assert_int_equal(nedges(three), 0);

    snprintf(text, sizeof(text), "%s and %s and %s", a, b, a);
    struct node *both = add_chat(&g, 4, text);
    assert_true(graph_link(&g, both));
    assert_int_equal(nedges(both), 2);

    snprintf(text, sizeof(text), "%.9s", a); /* cut: of some call, not known which */
    struct node *cut = add_chat(&g, 5, text);
    assert_true(graph_link(&g, cut));
    assert_int_equal(nedges(cut), 1);
    assert_int_equal(cut->edges->from, 0);

    snprintf(text, sizeof(text), "%s", b); /* in another case: of the same call */
    for (char *p = text; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    struct node *loud = add_chat(&g, 7, text);
    assert_true(graph_link(&g, loud));
    assert_int_equal(nedges(loud), 1);
    assert_int_equal(loud->edges->from, 2);

    graph_remove(&g, one); /* its canaries are still ones */
    struct node *late = add_chat(&g, 6, a);
    assert_true(graph_link(&g, late));
    assert_int_equal(late->edges->from, 0);
    graph_free(&g);
}

static void test_edge_from_header(void **state) {
    (void)state;
    struct graph g;
    char word[CANARY_LEN + 1], header[64];
    graph_init(&g);
    first_canary(&g, add_chat(&g, 7, "x"), word);
    snprintf(header, sizeof(header), "X-Conversation: %s\r\n", word);
    struct node *n = add(&g, 8, header, "{\"messages\":[]}");
    assert_true(graph_link(&g, n));
    assert_int_equal(n->edges->from, 7);
    graph_free(&g);
}

static void test_dependent_request_fits(void **state) {
    (void)state;
    struct graph g;
    struct xcs_addr here = addr4("127.0.0.1", 80), there = addr4("127.0.0.1", 81);
    char word[CANARY_LEN + 1], text[64];
    graph_init(&g);
    first_canary(&g, add_chat(&g, 1, "x"), word);
    snprintf(text, sizeof(text), "judge: %s!", word);
    struct node *n = add_chat(&g, 2, text);
    const struct {
        const char *target, *headers, *body;
        bool fits;
    } rows[] = {
        {PATH, HOST, "{\"messages\":[{\"role\":\"user\",\"content\":\"judge: a longer real answer!\"}]}", true},
        {PATH, HOST "X-Request-Id: 1\r\n", "{\"messages\":[{\"role\":\"user\",\"content\":\"judge: !\"}]}", true},
        {PATH, HOST, "{\"messages\":[{\"role\":\"user\",\"content\":\"other: a!\"}]}", false},
        {PATH, "Host: b\r\n", "{\"messages\":[{\"role\":\"user\",\"content\":\"judge: a!\"}]}", false},
        {PATH, HOST "A: 1\r\n", "{\"messages\":[{\"role\":\"user\",\"content\":\"judge: a!\"}]}", false},
        {"/v2/chat/completions", HOST, "{\"messages\":[{\"role\":\"user\",\"content\":\"judge: a!\"}]}", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request *r = request("POST", rows[i].target, rows[i].headers, rows[i].body);
        if (graph_fits(&g, n, &here, r) != rows[i].fits)
            fail_msg("row %zu", i);
        assert_false(graph_fits(&g, n, &there, r));
        request_free(r);
    }
    graph_free(&g);
}

/* --- program order --- */

static void check_order(const struct graph *g, const char *ids) {
    const struct node *n = g->pending;
    for (; *ids; ids++, n = n->next) {
        assert_non_null(n);
        assert_int_equal(n->id, *ids - '0');
    }
    assert_null(n);
}

static void test_program_order(void **state) {
    (void)state;
    struct graph g;
    struct node *n[6];
    graph_init(&g);
    for (uint64_t i = 1; i <= 5; i++)
        n[i] = add_chat(&g, i, "x");
    check_order(&g, "");
    graph_pend(&g, n[2], NULL);
    graph_pend(&g, n[4], n[2]);
    graph_pend(&g, n[3], n[2]);
    graph_pend(&g, n[1], NULL);
    graph_pend(&g, n[5], n[4]);
    check_order(&g, "12345");
    graph_unpend(&g, n[1]);
    graph_unpend(&g, n[3]);
    graph_unpend(&g, n[3]); /* once more does nothing */
    graph_unpend(&g, n[5]);
    check_order(&g, "24");
    graph_remove(&g, n[2]);
    graph_remove(&g, n[4]);
    check_order(&g, "");
    assert_null(graph_find(&g, 2));
    assert_ptr_equal(graph_find(&g, 5), n[5]);
    graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_requests),
        cmocka_unit_test(test_different_requests),
        cmocka_unit_test(test_header_in_one_only),
        cmocka_unit_test(test_different_line_or_origin),
        cmocka_unit_test(test_padding_does_not_count),
        cmocka_unit_test(test_canaries_differ),
        cmocka_unit_test(test_canary_is_found),
        cmocka_unit_test(test_canary_fits),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_edge_from_header),
        cmocka_unit_test(test_dependent_request_fits),
        cmocka_unit_test(test_program_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
