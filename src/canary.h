/*
 * Canaries: the words that stand for text that is not known yet. Short, lower-case, alphanumeric, unguessable, all of one
 * session with the same random beginning, so that a cut or re-cased canary is still recognised as one. Numbers have theirs in their
 * digits.
 */
#ifndef XCS_CANARY_H
#define XCS_CANARY_H

#include <stdbool.h>
#include <stddef.h>

#define CANARY_PREFIX 6
#define CANARY_LEN 16
#define CANARY_DIGITS 8  /* ".0" and six secret digits */
#define CANARY_PACKED 16 /* three float32 in base64 */

struct canaries {
    char prefix[CANARY_PREFIX + 1];
    unsigned digits;
    char written[CANARY_DIGITS + 1];
    char packed[CANARY_PACKED + 1];
};

void canaries_init(struct canaries *c);

/* A new one; `out` takes CANARY_LEN characters and a zero. */
void canary_make(const struct canaries *c, char out[CANARY_LEN + 1]);

/*
 * A made-up number, positive, told from others by its first digits: they are still there when a program prints it, as a double or as a float32.
 * A vector that is packed as float32 begins with those of 0, 1 and 2.
 */
double canary_number(const struct canaries *c, unsigned random);

/* Is there such a number in a text, or a packed vector of them? Not where one was calculated with. */
bool canary_has_number(const struct canaries *c, const char *text, size_t len);

/* The first place at or after `from` where a canary, whole or cut, in any case, stands; NULL if none. */
const char *canary_find(const struct canaries *c, const char *text, size_t len);

/* Could `actual` be `text` with each canary in it replaced by some other text? */
bool canary_fits(const struct canaries *c, const char *text, size_t len, const char *actual, size_t actual_len);

#endif
