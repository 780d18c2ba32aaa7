/* See canary.h. Pure functions but for the random source. */
#include "canary.h"
#include "base64.h"
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

static void random_word(char *out, size_t n) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    uint8_t bytes[CANARY_LEN];
    if (getrandom(bytes, n, 0) != (ssize_t)n)
        abort();
    for (size_t i = 0; i < n; i++)
        out[i] = letters[bytes[i] % (sizeof letters - 1)];
    out[n] = '\0';
}

/* How three of its numbers look one after the other in base64. */
static void pack(struct canaries *c) {
    float f[3];
    struct buf text = {0};
    for (unsigned i = 0; i < 3; i++)
        f[i] = (float)canary_number(c, i);
    base64_add(&text, f, sizeof f);
    memcpy(c->packed, text.p, sizeof c->packed);
    buf_free(&text);
}

void canaries_init(struct canaries *c) {
    random_word(c->prefix, CANARY_PREFIX);
    c->prefix[0] = 'q';
    c->prefix[1] = 'z'; /* no word of any language, nor hexadecimal */
    do {
        if (getrandom(&c->digits, sizeof c->digits, 0) != sizeof c->digits)
            abort();
        c->digits = 100000 + c->digits % 500000;
        snprintf(c->written, sizeof c->written, ".0%06u", c->digits);
        pack(c);
    } while (strpbrk(c->packed, "+/")); /* which some languages escape */
}

/*
 * Eleven digits, so that every language prints those and no others. The seventh is in the middle, so that rounding to a float32 does
 * not reach the sixth.
 */
double canary_number(const struct canaries *c, unsigned random) {
    unsigned more = 20000 + random % 60000;
    return ((double)c->digits * 1e5 + more) / 1e12;
}

bool canary_has_number(const struct canaries *c, const char *text, size_t len) {
    return memmem(text, len, c->written, CANARY_DIGITS) || memmem(text, len, c->packed, CANARY_PACKED);
}

void canary_make(const struct canaries *c, char out[CANARY_LEN + 1]) {
    memcpy(out, c->prefix, CANARY_PREFIX);
    random_word(out + CANARY_PREFIX, CANARY_LEN - CANARY_PREFIX);
}

const char *canary_find(const struct canaries *c, const char *text, size_t len) {
    for (size_t i = 0; i + CANARY_PREFIX <= len; i++)
        if ((text[i] | 0x20) == 'q' && strncasecmp(text + i, c->prefix, CANARY_PREFIX) == 0)
            return text + i;
    return NULL;
}

/* Where the canary that starts at p ends. */
static const char *canary_end(const char *p, const char *end) {
    const char *limit = (size_t)(end - p) > CANARY_LEN ? p + CANARY_LEN : end;
    while (p < limit && isalnum((unsigned char)*p))
        p++;
    return p;
}

bool canary_fits(const struct canaries *c, const char *text, size_t len, const char *actual, size_t actual_len) {
    const char *end = text + len, *actual_end = actual + actual_len;
    const char *at = canary_find(c, text, len);
    if (!at)
        return len == actual_len && memcmp(text, actual, len) == 0;
    size_t n = (size_t)(at - text);
    if (n > actual_len || memcmp(text, actual, n) != 0)
        return false;
    actual += n;
    while (at) {
        text = canary_end(at, end);
        at = canary_find(c, text, (size_t)(end - text));
        n = (size_t)((at ? at : end) - text);
        if (!at)
            return (size_t)(actual_end - actual) >= n && memcmp(actual_end - n, text, n) == 0;
        if (n == 0)
            continue;
        const char *found = memmem(actual, (size_t)(actual_end - actual), text, n);
        if (!found)
            return false;
        actual = found + n;
    }
    return true;
}
