/*
 * The engine's end of a channel (shim/protocol.h): one packet at a time, descriptors owned. Also how it passes a descriptor on any
 * other socket.
 */
#ifndef XCS_WIRE_H
#define XCS_WIRE_H

#include "../shim/protocol.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#define WIRE_FDS 2

struct packet {
    struct xcs_msg msg;
    const char *payload; /* valid until the next wire_receive or packet_end; zero-terminated when inline */
    size_t len;
    int fds[WIRE_FDS]; /* -1 where there is none; what the receiver keeps it sets to -1 */
    char *copy;
};

enum wire_result {
    WIRE_PACKET,
    WIRE_AGAIN,
    WIRE_END
};

/* WIRE_END also for a peer of another version or a malformed packet: nothing more is to be read from it. */
enum wire_result wire_receive(int fd, struct packet *p);

/* Closes and frees what the receiver did not keep. */
void packet_end(struct packet *p);

/* Sends one packet, with `pass` (-1: none) along; never blocks. */
bool wire_send(int fd, struct xcs_msg *m, const void *payload, size_t len, int pass);

/* Sends bytes, and `pass` (-1: none) along with the first of them. As sendmsg(2); never blocks. */
ssize_t wire_pass(int fd, struct iovec *iov, size_t n, int pass);

#endif
