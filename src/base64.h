/* Base64 (RFC 4648, with padding), as the APIs send packed embeddings. */
#ifndef XCS_BASE64_H
#define XCS_BASE64_H

#include "buf.h"

void base64_add(struct buf *out, const void *data, size_t n);

#endif
