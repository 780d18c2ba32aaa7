/* Effects on processes, memory and System V or POSIX objects, see effects.h. */
#include "effects.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static volatile char *page; /* shared memory */
static volatile sig_atomic_t signals;
static long cell; /* in main's own memory */
static int fd, id;
static pid_t helper;

static void nothing(void) {
}
static long page_count(void) {
    return *page;
}
static void bump(void) {
    (*page)++;
}

/* Names that all processes see: each run has its own. */
static const char *name_of(const char *kind) {
    static char name[64];
    snprintf(name, sizeof(name), "/xcs-%s-%d", kind, (int)getpid());
    return name;
}

/* memory */
static void map_file(int open_flags, int prot) {
    char zeros[4096] = {0};
    int f = must(open("f", O_CREAT | O_RDWR, 0644), "f");
    must(write(f, zeros, sizeof(zeros)), "write");
    fd = must(open("f", open_flags), "f");
    page = mmap(NULL, 4096, prot, MAP_SHARED, fd, 0);
    must(page == MAP_FAILED ? -1 : 0, "mmap");
    close(f);
}
static long in_file(void) {
    char c = 0;
    int f = must(open("f", O_RDONLY), "f");
    must(pread(f, &c, 1, 0), "f");
    close(f);
    return c;
}
static void mapped(void) {
    map_file(O_RDWR, PROT_READ | PROT_WRITE);
}
static void mapped_readonly(void) {
    map_file(O_RDWR, PROT_READ);
}
static void bump_after_mprotect(void) {
    char *p = (char *)(uintptr_t)page;
    if (mprotect(p, 4096, PROT_READ | PROT_WRITE) == 0) {
        bump();
    }
}
static void file_of_page(void) {
    map_file(O_RDWR, PROT_READ);
}
static void map_and_bump(void) {
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED) {
        (*p)++;
    }
}
static void open_map_and_bump(void) {
    fd = open("f", O_RDWR);
    map_and_bump();
}
static void punch(void) {
    madvise((char *)(uintptr_t)page, 4096, MADV_REMOVE);
}
static void mapped_full(void) {
    mapped();
    *page = 1;
}
static long punched(void) {
    return 1 - in_file();
}
static void mapped_large(void) {
    page = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(page == MAP_FAILED ? -1 : 0, "mmap");
}
/* Shared with a helper process, which is the one that is asked what is there. */
static void helper_memory(void) {
    int ask[2], answer[2];
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(pipe(ask), "pipe");
    must(pipe(answer), "pipe");
    helper = must(fork(), "fork");
    if (helper == 0) {
        char c;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (read(ask[0], &c, 1) == 1) {
            c = *page;
            must(write(answer[1], &c, 1), "answer");
        }
        _exit(0);
    }
    fd = ask[1];
    id = answer[0];
}
static long helper_sees(void) {
    char c = 0;
    must(write(fd, "?", 1), "ask");
    must(read(id, &c, 1), "answer");
    return c;
}
static void sysv_memory(void) {
    id = must(shmget(IPC_PRIVATE, 4096, 0600), "shmget");
    page = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
}
static void attach_and_bump(void) {
    char *p = shmat(id, NULL, 0);
    if (p != (char *)-1) {
        (*p)++;
    }
}
static void remove_posix(void) {
    shm_unlink(name_of("shm"));
    mq_unlink(name_of("mq"));
}
static void posix_memory(void) {
    int s = must(shm_open(name_of("shm"), O_CREAT | O_RDWR, 0600), "shm_open");
    must(ftruncate(s, 4096), "ftruncate");
    page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, s, 0);
    close(s);
    atexit(remove_posix);
}
static void posix_memory_bump(void) {
    int s = shm_open(name_of("shm"), O_RDWR, 0600);
    if (s >= 0) {
        char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0);
        if (p != MAP_FAILED) {
            (*p)++;
        }
        close(s);
    }
}
static long cell_count(void) {
    return cell;
}
static void proc_self_mem(void) {
    char path[64];
    long next = cell + 1;
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)getpid());
    int mem = open(path, O_RDWR);
    if (mem >= 0) {
        (void)!pwrite(mem, &next, sizeof(next), (off_t)(uintptr_t)&cell);
        close(mem);
    }
}
static void mem_open(void) {
    fd = must(open("/proc/self/mem", O_RDWR), "mem");
}
static void mem_inherited(void) {
    long next = cell + 1;
    (void)!pwrite(fd, &next, sizeof(next), (off_t)(uintptr_t)&cell);
}
static void vm_writev(void) {
    long next = cell + 1;
    struct iovec from = {&next, sizeof(next)}, to = {&cell, sizeof(cell)};
    (void)!process_vm_writev(getpid(), &from, 1, &to, 1, 0);
}

/* System V and POSIX objects */
static void queue(void) {
    id = must(msgget(IPC_PRIVATE, 0600), "msgget");
}
static void queue_send(void) {
    const long message[2] = {1, 1};
    msgsnd(id, message, 1, IPC_NOWAIT);
}
static long queued(void) {
    struct msqid_ds ds;
    must(msgctl(id, IPC_STAT, &ds), "msgctl");
    return (long)ds.msg_qnum;
}
static void semaphore(void) {
    id = must(semget(IPC_PRIVATE, 1, 0600), "semget");
}
static void semaphore_up(void) {
    struct sembuf op = {.sem_op = 1};
    semop(id, &op, 1);
}
static long semaphore_value(void) {
    return semctl(id, 0, GETVAL);
}
static void posix_queue(void) {
    struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 8};
    atexit(remove_posix);
    fd = must(mq_open(name_of("mq"), O_CREAT | O_RDWR, 0600, &attr), "mq_open");
}
static void posix_queue_send(void) {
    mq_send(fd, "x", 1, 0);
}
static long posix_queued(void) {
    struct mq_attr attr;
    must(mq_getattr(fd, &attr), "mq_getattr");
    return attr.mq_curmsgs;
}
static void queue_create(void) {
    mq_open(name_of("made"), O_CREAT | O_RDWR, 0600, NULL);
}
static long queue_there(void) {
    return mq_unlink(name_of("made")) == 0;
}

/* processes and signals */
static void on_signal(int sig) {
    (void)sig;
    signals++;
}
static void handler(void) {
    signal(SIGUSR1, on_signal);
}
static long signalled(void) {
    return signals;
}
static void do_kill(void) {
    kill(getpid(), SIGUSR1);
}
static void do_raise(void) {
    raise(SIGUSR1);
}
static void do_queue(void) {
    sigqueue(getpid(), SIGUSR1, (union sigval){0});
}
static void do_pidfd(void) {
    int p = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (p >= 0) {
        syscall(SYS_pidfd_send_signal, p, SIGUSR1, NULL, 0);
        close(p);
    }
}
static void mark(void) {
    close(open("made", O_CREAT | O_WRONLY, 0644));
}
static long made(void) {
    return there("made");
}
static void do_fork(void) {
    pid_t child = fork();
    if (child == 0) {
        mark();
        _exit(0);
    }
    waitpid(child, NULL, 0);
}
static char *const touch[] = {"/bin/sh", "-c", ": > made", NULL};
static void do_vfork(void) {
    pid_t child = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): it is what is tried */
    if (child == 0) {
        execv(touch[0], touch);
        _exit(1);
    }
    waitpid(child, NULL, 0);
}
static void do_spawn(void) {
    pid_t child;
    if (posix_spawn(&child, touch[0], NULL, NULL, touch, environ) == 0) {
        waitpid(child, NULL, 0);
    }
}
static void do_system(void) {
    (void)!system(": > made");
}
static void child_waiting(void) {
    helper = must(fork(), "fork");
    if (helper == 0) {
        _exit(0);
    }
}
static void do_wait(void) {
    waitpid(helper, NULL, 0);
}
static long waited(void) {
    return kill(helper, 0) != 0;
}
static void helper_stopped(void) {
    helper = must(fork(), "fork");
    if (helper == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            pause();
        }
    }
}
static void do_ptrace(void) {
    ptrace(PTRACE_SEIZE, helper, NULL, NULL);
}
static long traced(void) {
    char line[128], path[64];
    long tracer = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)helper);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "TracerPid:", 10) == 0) {
            tracer = strtol(line + 10, NULL, 10);
        }
    }
    fclose(f);
    return tracer != 0;
}
static void do_kill_helper(void) {
    kill(helper, SIGKILL);
    waitpid(helper, NULL, 0);
}
static void do_nice(void) {
    setpriority(PRIO_PROCESS, (id_t)getpid(), getpriority(PRIO_PROCESS, 0) + 1);
}
static long niced(void) {
    return getpriority(PRIO_PROCESS, 0);
}
static void do_prlimit(void) {
    struct rlimit limit = {.rlim_cur = 777, .rlim_max = 777};
    prlimit(getpid(), RLIMIT_MEMLOCK, &limit, NULL);
}
static long limited(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_MEMLOCK, &limit);
    return limit.rlim_cur == 777;
}
static void do_affinity(void) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(getpid(), sizeof(one), &one);
}
static long pinned(void) {
    cpu_set_t set;
    sched_getaffinity(0, sizeof(set), &set);
    return CPU_COUNT(&set) == 1;
}
static void do_setpgid(void) {
    setpgid(helper, helper);
}
static long in_group(void) {
    return getpgid(helper) == helper;
}
const struct effect effects_ipc[] = {
    {"mmap-file", mapped, bump, in_file},
    {"mmap-mprotect", mapped_readonly, bump_after_mprotect, in_file},
    {"mmap-inherited-fd", file_of_page, map_and_bump, in_file},
    {"mmap-opened", file_of_page, open_map_and_bump, in_file},
    {"mmap-punch", mapped_full, punch, punched},
    {"mmap-large", mapped_large, bump, page_count},
    {"mmap-helper", helper_memory, bump, helper_sees},
    {"shm-sysv", sysv_memory, bump, page_count},
    {"shm-sysv-attach", sysv_memory, attach_and_bump, page_count},
    {"shm-posix", posix_memory, posix_memory_bump, page_count},
    {"proc-mem", nothing, proc_self_mem, cell_count},
    {"proc-mem-inherited", mem_open, mem_inherited, cell_count},
    {"process-vm-writev", nothing, vm_writev, cell_count},
    {"msg-send", queue, queue_send, queued},
    {"sem-op", semaphore, semaphore_up, semaphore_value},
    {"mq-send", posix_queue, posix_queue_send, posix_queued},
    {"mq-create", nothing, queue_create, queue_there},
    {"kill", handler, do_kill, signalled},
    {"raise", handler, do_raise, signalled},
    {"sigqueue", handler, do_queue, signalled},
    {"pidfd-signal", handler, do_pidfd, signalled},
    {"fork", nothing, do_fork, made},
    {"vfork-exec", nothing, do_vfork, made},
    {"posix-spawn", nothing, do_spawn, made},
    {"system", nothing, do_system, made},
    {"wait", child_waiting, do_wait, waited},
    {"ptrace", helper_stopped, do_ptrace, traced},
    {"kill-helper", helper_stopped, do_kill_helper, waited},
    {"setpgid", helper_stopped, do_setpgid, in_group},
    {"setpriority", nothing, do_nice, niced},
    {"prlimit", nothing, do_prlimit, limited},
    {"sched-setaffinity", nothing, do_affinity, pinned},
    {NULL, NULL, NULL, NULL},
};
