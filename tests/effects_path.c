/* Effects on files by path, see effects.h. */
#include "effects.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static void a_file(void) {
    file_with("f", "12345", -1);
    must(chmod("f", 0600), "chmod");
}
static void nothing(void) {
}
static void append(const char *path, int flags) {
    int fd = open(path, flags, 0644);
    if (fd >= 0) {
        (void)!write(fd, "x", 1);
        close(fd);
    }
}

static void act_unlink(void) {
    unlink("f");
}
static long gone(void) {
    return !there("f");
}
static void act_rename(void) {
    rename("f", "g");
}
static long renamed(void) {
    return !there("f") && there("g");
}
static void act_append(void) {
    append("f", O_WRONLY | O_APPEND);
}
static long grown(void) {
    return size_of("f") - 5;
}
static void act_create(void) {
    append("new", O_WRONLY | O_CREAT | O_APPEND);
}
static long created(void) {
    return there("new") ? size_of("new") : 0;
}
static void act_excl(void) {
    append("new", O_WRONLY | O_CREAT | O_EXCL);
}
static void act_trunc(void) {
    append("f", O_RDWR | O_TRUNC);
}
static long truncated_to_one(void) {
    return size_of("f") == 1;
}
static void act_rdonly_trunc(void) {
    close(open("f", O_RDONLY | O_TRUNC));
}
static long emptied(void) {
    return size_of("f") == 0;
}
static void act_truncate(void) {
    (void)!truncate("f", 0);
}
static void act_replace(void) {
    append("tmp", O_WRONLY | O_CREAT | O_APPEND);
    rename("tmp", "f");
}
static long replaced(void) {
    return size_of("f") == 1 && !there("tmp");
}
static void act_self_fd(void) {
    int fd = open("f", O_RDONLY);
    char path[32] = "/proc/self/fd/0";
    path[14] = (char)('0' + fd % 10);
    append(path, O_WRONLY | O_APPEND);
    close(fd);
}
static void act_path_fd(void) {
    int fd = open("f", O_PATH);
    char path[32] = "/proc/self/fd/0";
    path[14] = (char)('0' + fd % 10);
    append(path, O_WRONLY | O_APPEND);
    close(fd);
}
static void act_tmpfile(void) {
    int fd = open(".", O_TMPFILE | O_WRONLY, 0644);
    if (fd >= 0) {
        linkat(fd, "", AT_FDCWD, "new", AT_EMPTY_PATH);
        close(fd);
    }
}
static long linked(void) {
    return there("new");
}
static void act_link(void) {
    (void)!link("f", "new");
}
static void act_symlink(void) {
    (void)!symlink("f", "new");
}
static void act_mkdir(void) {
    mkdir("new", 0755);
}
static void a_dir(void) {
    must(mkdir("f", 0755), "mkdir");
}
static void act_rmdir(void) {
    rmdir("f");
}
static void act_mkfifo(void) {
    mkfifo("new", 0644);
}
static void act_chmod(void) {
    chmod("f", 0640);
}
static long mode_changed(void) {
    struct stat st;
    return stat("f", &st) == 0 && (st.st_mode & 0777) == 0640;
}
static void act_utimes(void) {
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    utimensat(AT_FDCWD, "f", times, 0);
}
static long time_changed(void) {
    struct stat st;
    return stat("f", &st) == 0 && st.st_mtime == 1000;
}
/* To the same owner: that needs no privilege, and shows in the time of the change. */
static struct timespec changed;
static void an_old_file(void) {
    struct stat st;
    a_file();
    must(stat("f", &st), "f");
    changed = st.st_ctim;
    usleep(20000); /* longer than the file system's clock ticks */
}
static void act_chown(void) {
    (void)!chown("f", getuid(), (gid_t)-1);
}
static long owner_changed(void) {
    struct stat st;
    return stat("f", &st) == 0 && (st.st_ctim.tv_nsec != changed.tv_nsec || st.st_ctim.tv_sec != changed.tv_sec);
}
static void act_chdir(void) {
    (void)!chdir("d");
}
static void a_subdir(void) {
    must(mkdir("d", 0755), "mkdir");
}
static long moved(void) {
    char cwd[4096];
    const char *path = getcwd(cwd, sizeof(cwd));
    return path != NULL && strcmp(path + strlen(path) - 2, "/d") == 0;
}
static void act_umask(void) {
    umask(0123);
}
static long umask_changed(void) {
    mode_t now = umask(0);
    umask(now);
    return now == 0123;
}

const struct effect effects_path[] = {
    {"unlink", a_file, act_unlink, gone},
    {"rename", a_file, act_rename, renamed},
    {"write-existing", a_file, act_append, grown},
    {"write-new", nothing, act_create, created},
    {"write-exclusive", nothing, act_excl, created},
    {"write-truncated", a_file, act_trunc, truncated_to_one},
    {"open-readonly-truncate", a_file, act_rdonly_trunc, emptied},
    {"truncate", a_file, act_truncate, emptied},
    {"write-and-rename", a_file, act_replace, replaced},
    {"reopen-self-fd", a_file, act_self_fd, grown},
    {"reopen-path-fd", a_file, act_path_fd, grown},
    {"tmpfile-link", nothing, act_tmpfile, linked},
    {"link", a_file, act_link, linked},
    {"symlink", nothing, act_symlink, linked},
    {"mkdir", nothing, act_mkdir, linked},
    {"rmdir", a_dir, act_rmdir, gone},
    {"mkfifo", nothing, act_mkfifo, linked},
    {"chmod", a_file, act_chmod, mode_changed},
    {"utimes", a_file, act_utimes, time_changed},
    {"chown", an_old_file, act_chown, owner_changed},
    {"chdir", a_subdir, act_chdir, moved},
    {"umask", nothing, act_umask, umask_changed},
    {NULL, NULL, NULL, NULL},
};
