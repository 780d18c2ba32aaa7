/*
 * SHA-256 of one buffer, for the test model server: names answers and requests by their content. Small, not
 * fast, and not constant-time.
 */
#ifndef XCS_TESTS_SHA256_H
#define XCS_TESTS_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_HEX 65 /* 64 digits and the terminator */

/* Writes the lower-case hexadecimal digest of data[0..len) to `hex`. */
void sha256_hex(const void *data, size_t len, char hex[SHA256_HEX]);

#endif
