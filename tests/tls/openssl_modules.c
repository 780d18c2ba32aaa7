/*
 * Loads modules made of openssl_client.c, each with an OpenSSL of its own, as an interpreter loads its extensions (RTLD_LOCAL), and
 * lets them make their calls in turn: URL MODE WAY TURNS MODULE...
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef int client_fn(const char *server, const char *mode, const char *way);

int main(int argc, char **argv) {
    client_fn *clients[8];
    int n = argc - 5, turns = argc > 4 ? atoi(argv[4]) : 0;
    if (n < 1 || n > 8)
        return 2;
    for (int i = 0; i < n; i++) {
        void *module = dlopen(argv[5 + i], RTLD_NOW | RTLD_LOCAL);
        clients[i] = module ? (client_fn *)dlsym(module, "client") : NULL;
        if (!clients[i]) {
            printf("%s\n", dlerror());
            return 2;
        }
    }
    for (int turn = 0; turn < turns; turn++)
        for (int i = 0; i < n; i++) {
            int status = clients[i](argv[1], argv[2], argv[3]);
            if (status)
                return status;
        }
    return 0;
}
