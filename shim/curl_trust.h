/*
 * Which TLS peers the program's own libcurl has accepted. The engine's checks a peer by the same options, but it may be another build on
 * another TLS library: an answer that came over TLS is used only where main has made a call itself, with success, to the same origin
 * and under the same options of trust.
 */
#ifndef XCS_CURL_TRUST_H
#define XCS_CURL_TRUST_H

#include "curl_handle.h"
#include "protocol.h"
#include <stdint.h>

/* A number for the origin and what its peer is accepted by on h. */
uint64_t curl_trust_of(const struct curl_handle *h, const struct xcs_addr *origin);

/* Main's own call has succeeded / has one? Both take the state lock. */
void curl_trust_prove(uint64_t trust);
bool curl_trust_proven(uint64_t trust);

#endif
