/*
 * Links: the dispatcher's TCP connections, as its thread sees them come and go behind libcurl's back. A server may serve few
 * connections at a time, or one: a link that lies idle must not keep such a place from the program's own connections, nor from calls
 * of ours that wait for it. Everything here is for the dispatcher's thread.
 */
#ifndef XCS_DISPATCH_LINK_H
#define XCS_DISPATCH_LINK_H

#include "dispatch_impl.h"

struct link;

/* Zeroed at first. */
struct links {
    const struct curl_lib *curl;
    struct link *all;
    uint64_t last_id;
    bool scarce; /* a server has refused one: none is kept idle any more */
};

/* Makes libcurl tell of the sockets that it opens for this call and closes. False: it does not take the options. */
bool links_watch(struct links *links, const struct curl_lib *curl, struct call *call);

/*
 * libcurl is about to send the call's request on the link with these ends (CURLOPT_PREREQFUNCTION). False: it must not, the link was made for
 * another peer.
 */
bool links_taken(struct call *call, const char *remote_ip, int local_port, int remote_port);

/* The call does not use it any more. `needed`: others wait for a place at the server, so it is closed at once. */
void links_left(struct call *call, bool needed, uint64_t now);

/* Closes what has been idle for too long. When to look again, 0: nothing is idle. */
uint64_t links_expire(struct links *links, uint64_t now);

/* A server has closed a new connection: it may have no place left, and the program needs one. */
void links_scarce(struct links *links);

/* Has the call's request come to a server that reads it? */
enum dispatch_served links_served(const struct call *call);

void links_free(struct links *links);

#endif
