/*
 * The seccomp policy of a run-ahead, as BPF. The engine exports it once and hands it to each main in WELCOME; the
 * shim only installs it, so that libxcs.so needs no libseccomp.
 */
#ifndef XCS_POLICY_H
#define XCS_POLICY_H

#include <linux/filter.h>
#include <stdbool.h>

/* Compiles the policy. *prog is the caller's to free(), *len the number of instructions. False on any failure. */
bool policy_export(struct sock_filter **prog, unsigned short *len);

#endif
