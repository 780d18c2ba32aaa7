/*
 * System calls without libc: no errno, no cancellation point, no interposed symbol. The result is the
 * kernel's (a negative error number on failure). Safe in a signal handler, between clone and the filter, and in the
 * memory-sharing holder, where touching errno would change the program's.
 *
 * In a run-ahead the filter lets some calls through only when their sixth argument is XCS_COOKIE (they have at most
 * five of their own): that is how the SIGSYS handler itself makes the call it stands for. The cookie breaks the
 * loop; it protects nothing, the filter grants nothing with it that would reach the outside.
 */
#ifndef XCS_RAW_H
#define XCS_RAW_H

#include <sys/syscall.h>
#include <time.h>

#define XCS_COOKIE 0x5843536bL

static inline long xcs_sys6(long n, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
    long ret;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
#else
#error "XCS knows x86-64 and aarch64"
#endif
}

#define XCS_ARG(x) ((long)(x))
#define xcs_sys0(n) xcs_sys6((n), 0, 0, 0, 0, 0, 0)
#define xcs_sys1(n, a) xcs_sys6((n), XCS_ARG(a), 0, 0, 0, 0, 0)
#define xcs_sys2(n, a, b) xcs_sys6((n), XCS_ARG(a), XCS_ARG(b), 0, 0, 0, 0)
#define xcs_sys3(n, a, b, c) xcs_sys6((n), XCS_ARG(a), XCS_ARG(b), XCS_ARG(c), 0, 0, 0)
#define xcs_sys4(n, a, b, c, d) xcs_sys6((n), XCS_ARG(a), XCS_ARG(b), XCS_ARG(c), XCS_ARG(d), 0, 0)
#define xcs_sys5(n, a, b, c, d, e) xcs_sys6((n), XCS_ARG(a), XCS_ARG(b), XCS_ARG(c), XCS_ARG(d), XCS_ARG(e), 0)

/* Less than a second; a signal ends it early. errno is left alone. */
static inline void xcs_nap(long ns) {
    struct timespec t = {0, ns};
    xcs_sys2(SYS_nanosleep, &t, 0);
}

#endif
