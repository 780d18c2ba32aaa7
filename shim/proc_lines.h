/* Reading /proc's text line by line, without allocation, before the filter is there. Used by quarantine_*.c. */
#ifndef XCS_PROC_LINES_H
#define XCS_PROC_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* Hands each line [line, end) to `take`, which may stop with false. False also if the file cannot be read. */
bool proc_lines(const char *path, bool (*take)(const char *line, const char *end));

/* The number at *p, which is moved past it; 0 if there is none. */
unsigned long proc_number(const char **p, const char *end, unsigned base);
/* True if the line starts with `key`; *p is then moved past that and the blanks that follow. */
bool proc_key(const char **p, const char *end, const char *key);

#endif
