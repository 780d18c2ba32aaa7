/*
 * What shapes promise of the model's text: JSON stays JSON with canaries in it, a number a number; and nothing made up goes out
 * where the text goes into other requests.
 */
#include "shape_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_json_text(void **state) {
    struct place *p = *state;
    learn_chat(p, "{\"name\": \"Ann\", \"tags\": [\"x\", \"y\"], \"age\": 41, \"ok\": true, \"next\": null}");
    json_t *v = inner(p);
    assert_true(is_canary(p, text_at(v, "name")));
    assert_true(is_canary(p, text_at(v, "tags.0")));
    assert_true(is_canary(p, text_at(v, "tags.1")));
    assert_int_equal(json_array_size(at(v, "tags")), 2);
    assert_int_equal(json_integer_value(at(v, "age")), 41);
    assert_true(json_is_true(at(v, "ok")));
    assert_true(json_is_null(at(v, "next")));
    json_decref(v);
}

/* A word that is the same in two responses is a constant, until a third one differs. */
static void test_words_in_json_text(void **state) {
    struct place *p = *state;
    learn_chat(p, "{\"kind\":\"city\",\"name\":\"Paris\",\"population\":1}");
    json_t *v = inner(p);
    assert_true(is_canary(p, text_at(v, "kind")));
    json_decref(v);
    learn_chat(p, "{\"kind\":\"city\",\"name\":\"Rome\",\"population\":2}");
    v = inner(p);
    assert_string_equal(text_at(v, "kind"), "city");
    assert_true(is_canary(p, text_at(v, "name")));
    assert_int_equal(json_integer_value(at(v, "population")), 2);
    json_decref(v);
    learn_chat(p, "{\"kind\":\"village\",\"name\":\"Rome\",\"population\":2}");
    learn_chat(p, "{\"kind\":\"village\",\"name\":\"Rome\",\"population\":2}");
    v = inner(p);
    assert_true(is_canary(p, text_at(v, "kind")));
    assert_true(is_canary(p, text_at(v, "name")));
    json_decref(v);
}

static void test_fence_and_words_around(void **state) {
    struct place *p = *state;
    learn_chat(p, "Here it is:\n```json\n{\n  \"a\": \"b\"\n}\n```\nDone.");
    const char *text = content(p);
    assert_ptr_equal(strstr(text, "Here it is:\n```json\n{\n  \"a\": \""), text);
    assert_non_null(strstr(text, "\"\n}\n```\nDone."));
    learn_chat(p, "Of course:\n```json\n{\n  \"a\": \"c\"\n}\n```\nDone.");
    text = content(p);
    assert_ptr_equal(canary_find(&p->canaries, text, strlen(text)), text);
    assert_ptr_equal(strstr(text, "\n```json\n{\n  \"a\": \""), text + CANARY_LEN);
    assert_non_null(strstr(text, "\n```\nDone."));
}

static void test_styles(void **state) {
    struct place *p = *state;
    static const char *const forms[] = {"{\"a\":1,\"b\":[1,2]}", "{\"a\": 1, \"b\": [1, 2]}",
                                        "{\n    \"a\": 1,\n    \"b\": [\n        1,\n        2\n    ]\n}"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        learn_chat(p, forms[i]);
        assert_string_equal(content(p), forms[i]);
    }
}

/* No JSON, and no text that could stand for another one without a canary in it. */
static void test_what_is_no_json_text(void **state) {
    static const char *const texts[] = {
        "Paris.", "42 km", "\"quoted\"",          "As shown in [1] and [2].", "[1] says so.",    "{}  and more",
        "{a: 1}", "{\"a",  "set notation {1, 2}", "```\nno json\n```",        "I like {} a lot", "[",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        void *own;
        (void)state;
        place_setup(&own);
        learn_chat(own, texts[i]);
        if (!is_canary(own, content(own)))
            fail_msg("taken for JSON: %s", texts[i]);
        place_teardown(&own);
    }
    struct place *p = *state;
    learn_chat(p, "The score: {\"score\": 5}");
    const char *text = content(p);
    assert_non_null(canary_find(&p->canaries, text, strlen(text)));
    assert_non_null(strstr(text, "{\"score\": 5}"));
}

/* A text that is a number each time is one again, as last seen. */
static void test_numbers(void **state) {
    struct place *p = *state;
    learn_chat(p, "7");
    assert_string_equal(content(p), "7");
    learn_chat(p, " -0.5\n");
    assert_string_equal(content(p), " -0.5\n");
    learn_chat(p, "none");
    learn_chat(p, "7");
    assert_true(is_canary(p, content(p)));
}

/* Where the text goes into other requests, nothing made up may go out in them. */
static void test_made_up_text_is_not_fed(void **state) {
    static const char *const texts[] = {"7", "[1, 2]", "{\"score\": 5}", "```json\n{\"score\": 5}\n```"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct place *p = *state;
        struct buf made = {0};
        learn_chat(p, texts[i]);
        assert_string_equal(content(p), texts[i]);
        assert_true(shape_make(p->shape, &p->canaries, &p->call, p->request, true, &made));
        const char *text = strstr(made.p, "\"content\":\"") + 11;
        assert_ptr_equal(canary_find(&p->canaries, text, strlen(text)), text);
        buf_free(&made);
        place_teardown(state);
        place_setup(state);
    }
}

/* One answer that is broken does not undo what many have taught. */
static void test_broken_json_is_an_exception(void **state) {
    struct place *p = *state;
    learn_chat(p, "{\"a\": 1}");
    learn_chat(p, "{\"a\": 2}");
    learn_chat(p, "Sorry, I cannot.");
    assert_string_equal(content(p), "{\"a\": 2}");
    learn_chat(p, "Sorry, I cannot.");
    assert_true(is_canary(p, content(p)));
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
    const struct CMUnitTest tests[] = {
        T(test_json_text),
        T(test_words_in_json_text),
        T(test_fence_and_words_around),
        T(test_styles),
        T(test_what_is_no_json_text),
        T(test_numbers),
        T(test_made_up_text_is_not_fed),
        T(test_broken_json_is_an_exception),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
