/*
 * Independent calls through stdio streams on the connection (fdopen): one stream to read and one, on a duplicate,
 * to write.
 */
#include "client.h"

int main(int argc, char **argv) {
    static char line[ANSWER_ROOM];
    if (argc < 2)
        return 2;
    int s = dial(argv[1]);
    FILE *in = fdopen(s, "r");
    FILE *out = fdopen(dup(s), "w");
    if (!in || !out)
        fail("fdopen");
    for (int i = 0; i < CALLS; i++) {
        char prompt[64], head[512], body[512];
        size_t length = 0;
        snprintf(prompt, sizeof prompt, "question %d", i);
        request_of(prompt, "", head, body);
        fprintf(out, "%s%s", head, body);
        if (fflush(out) != 0)
            fail("flush");
        while (fgets(line, sizeof line, in) && strcmp(line, "\r\n") != 0)
            if (strncasecmp(line, "content-length:", 15) == 0)
                length = strtoul(line + 15, NULL, 10);
        if (length >= sizeof line || fread(line, 1, length, in) != length)
            fail("read");
        line[length] = '\0';
        show(line);
    }
    fclose(out);
    fclose(in);
    return 0;
}
