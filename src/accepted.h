/*
 * Has the server taken a connection of ours out of its backlog? Until then nobody has read what was sent on it. Told only of servers
 * on this machine, in this network namespace: by sock_diag(7), which shows the server's socket and that no file refers to it yet.
 */
#ifndef XCS_ACCEPTED_H
#define XCS_ACCEPTED_H

enum accepted {
    ACCEPTED_UNKNOWN,
    ACCEPTED_NO,
    ACCEPTED_YES /* by whatever listens there: a relay may stand between */
};

/* `fd`: a connected TCP socket. Any thread. */
enum accepted accepted_by_peer(int fd);

#endif
