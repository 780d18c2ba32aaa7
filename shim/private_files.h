/*
 * The files that a run-ahead has written: path to memfd. Used by quarantine (files that were open for writing) and by
 * the SIGSYS handler (files opened since), never in main.
 *
 * The kernel gives a memfd a second open file description only through an open for writing, which the filter cannot
 * grant (it sees no path). So each opening for writing of the same path gets a dup of the first: they share an offset,
 * which is set anew at each opening. Programs that hold one file open for writing twice at once see the difference,
 * their run-ahead may go wrong, and what it foresees then does not match. Openings for reading have their own offset.
 */
#ifndef XCS_PRIVATE_FILES_H
#define XCS_PRIVATE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRIVATE_PATH 512
#define PRIVATE_COPY_MAX (16L * 1024 * 1024) /* a larger file's content is not copied */

struct private_file {
    int fd; /* -1: the row is free */
    uint32_t mode;
    bool inherited;          /* main had it open: it knows the inode */
    char path[PRIVATE_PATH]; /* absolute and canonical */
};

struct private_file *private_find(const char *path);
/* Keeps a dup of `fd` above the floor. NULL when the table is full, the path too long or no descriptor left. */
struct private_file *private_add(const char *path, int fd, uint32_t mode);
void private_drop(struct private_file *file);
bool private_rename(struct private_file *file, const char *path);
bool private_any(void);
/* A directory is a row too, with S_IFDIR in its mode and any descriptor. Is this path in one of those? */
bool private_within(const char *path);

/* A new memfd of `size` bytes with the content of `source` (-1: zeros). A negative error number on failure. */
long private_memfd(int source, int64_t size);

#endif
