/*
 * What one interposed call costs on a descriptor that has nothing to do with a model: KIND COUNT, where KIND is a row
 * of the table. Makes COUNT calls and prints nanoseconds for each. Run without and with libxcs.so; the difference is its cost.
 * COUNT 0 makes none: under an instruction counter, what is to be subtracted.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int file_fd, null_fd, pair[2];
static char byte[1];

static int file_read(void) {
    return (int)read(file_fd, byte, 0);
}

static int null_write(void) {
    return (int)write(null_fd, byte, 1) - 1;
}

static int socket_write_read(void) {
    return write(pair[0], byte, 1) == 1 && read(pair[1], byte, 1) == 1 ? 0 : -1;
}

static int socket_poll(void) {
    struct pollfd fd = {.fd = pair[0], .events = POLLOUT};
    return poll(&fd, 1, 0) - 1;
}

static const struct {
    const char *kind;
    int (*once)(void);
} kinds[] = {
    {"read-file", file_read},
    {"write-null", null_write},
    {"socket-write+read", socket_write_read},
    {"socket-poll", socket_poll},
};

int main(int argc, char **argv) {
    long count = argc > 2 ? strtol(argv[2], NULL, 10) : -1;
    file_fd = open("/proc/self/exe", O_RDONLY);
    null_fd = open("/dev/null", O_WRONLY);
    if (file_fd < 0 || null_fd < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 1;
    for (size_t i = 0; count >= 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct timespec start, end;
        if (strcmp(kinds[i].kind, argv[1]) != 0)
            continue;
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (long n = 0; n < count; n++) {
            if (kinds[i].once() != 0)
                return 1;
        }
        clock_gettime(CLOCK_MONOTONIC, &end);
        double ns = 1e9 * (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec);
        printf("%.1f\n", count ? ns / (double)count : 0.0);
        return 0;
    }
    return 2;
}
