/* Writes down what a process does to the files below a directory, and what it answers: loaded with LD_PRELOAD by
 * tests/it/support/power.rs, which rebuilds from it the files as a power cut at any moment would have left them.
 *
 * TAMIS_UNSYNCED_ROOT: only files below it. TAMIS_UNSYNCED_LOG: where records go. A record is, little-endian: kind (u32),
 * payload length (u32), inode (u64), offset or sync number (u64), and the payload. Changes are made and written down
 * under one lock, so that records stand in the order of the changes. A sync has two records, before and after, since
 * what is written between them may not be covered. An answer is written down before it leaves.
 *
 * TAMIS_UNSYNCED_KILL_AT: the process kills itself (SIGKILL) right after so many records that are neither a write nor an
 * answer; with TAMIS_UNSYNCED_KILL_WRITES writes count too. TAMIS_UNSYNCED_NO_EXCHANGE: a file system that lets no two
 * names change places. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, TRUNCATE, SYNC_BEGIN, SYNC_END, CREATE, MKDIR, RENAME, UNLINK, ANSWER, RMDIR, EXCHANGE };

/* linux/fs.h, which clashes with others. */
enum { EXCHANGES = 2 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static char root[4096];
static size_t root_length;
static uint64_t syncs, steps, kill_at;
static int writes_count, no_exchange;
static __thread int inside;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
  const char *to = getenv("TAMIS_UNSYNCED_LOG"), *below = getenv("TAMIS_UNSYNCED_ROOT");
  if (!to || !below) return;
  root_length = strlen(below);
  memcpy(root, below, root_length + 1);
  log_fd = REAL(open)(to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  syncs = (uint64_t)getpid() << 32;
  const char *at = getenv("TAMIS_UNSYNCED_KILL_AT");
  if (at) kill_at = strtoull(at, NULL, 10);
  writes_count = getenv("TAMIS_UNSYNCED_KILL_WRITES") != NULL;
  no_exchange = getenv("TAMIS_UNSYNCED_NO_EXCHANGE") != NULL;
}

static int below_root(const char *path) {
  return log_fd >= 0 && path && strncmp(path, root, root_length) == 0 && path[root_length] == '/';
}

static void record(uint32_t kind, uint64_t inode, uint64_t at, const void *payload, uint32_t length) {
  struct { uint32_t kind, length; uint64_t inode, at; } __attribute__((packed)) head = {kind, length, inode, at};
  struct iovec parts[2] = {{&head, sizeof head}, {(void *)payload, length}};
  size_t whole = sizeof head + length;
  if (REAL(writev)(log_fd, parts, 2) != (ssize_t)whole) abort(); /* a log with a gap proves nothing */
  if ((kind != WRITE || writes_count) && kind != ANSWER && ++steps == kill_at) kill(getpid(), SIGKILL);
}

/* The inode of a regular file or a directory below the root; 0: not ours. Told by the descriptor's own path. */
static uint64_t ours(int fd, struct stat *data) {
  if (log_fd < 0 || inside || fstat(fd, data) != 0 || !(S_ISREG(data->st_mode) || S_ISDIR(data->st_mode))) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return below_root(path) || strcmp(path, root) == 0 ? data->st_ino : 0;
}

static uint64_t inode_of(const char *path) {
  struct stat data;
  return stat(path, &data) == 0 ? data.st_ino : 0;
}

#define LOCKED(type, body) \
  do { pthread_mutex_lock(&lock); inside++; type result = 0; body; int kept = errno; inside--; \
       pthread_mutex_unlock(&lock); errno = kept; return result; } while (0)

static ssize_t written(int fd, const void *bytes, size_t length, off_t at, uint64_t inode) {
  LOCKED(ssize_t, {
    result = REAL(pwrite)(fd, bytes, length, at);
    if (result > 0) record(WRITE, inode, (uint64_t)at, bytes, (uint32_t)result);
  });
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
  struct stat data;
  uint64_t inode = ours(fd, &data);
  return inode ? written(fd, bytes, length, at, inode) : REAL(pwrite)(fd, bytes, length, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return pwrite(fd, bytes, length, at); }

static void answered(int fd, const void *bytes, size_t length) {
  struct stat data;
  if (log_fd < 0 || length < 12 || memcmp(bytes, "HTTP/1.1 20", 11) != 0) return;
  if (fstat(fd, &data) != 0 || !S_ISSOCK(data.st_mode)) return;
  pthread_mutex_lock(&lock);
  record(ANSWER, 0, 0, bytes, length > 512 ? 512 : (uint32_t)length);
  pthread_mutex_unlock(&lock);
}

ssize_t write(int fd, const void *bytes, size_t length) {
  struct stat data;
  uint64_t inode = inside ? 0 : ours(fd, &data);
  if (!inode) {
    if (!inside) answered(fd, bytes, length);
    return REAL(write)(fd, bytes, length);
  }
  LOCKED(ssize_t, {
    off_t at = (fcntl(fd, F_GETFL) & O_APPEND) ? data.st_size : lseek(fd, 0, SEEK_CUR);
    result = REAL(write)(fd, bytes, length);
    if (result > 0) record(WRITE, inode, (uint64_t)at, bytes, (uint32_t)result);
  });
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  struct stat data;
  if (!inside && ours(fd, &data)) return count > 0 ? write(fd, parts[0].iov_base, parts[0].iov_len) : 0;
  if (!inside && count > 0) answered(fd, parts[0].iov_base, parts[0].iov_len);
  return REAL(writev)(fd, parts, count);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
  answered(fd, bytes, length);
  return REAL(send)(fd, bytes, length, flags);
}

static int truncated(int fd, off_t length) {
  struct stat data;
  uint64_t inode = ours(fd, &data);
  if (!inode) return REAL(ftruncate)(fd, length);
  LOCKED(int, {
    result = REAL(ftruncate)(fd, length);
    if (result == 0) record(TRUNCATE, inode, (uint64_t)length, "", 0);
  });
}
int ftruncate(int fd, off_t length) { return truncated(fd, length); }
int ftruncate64(int fd, off64_t length) { return truncated(fd, length); }

static int synced(int fd, int (*sync)(int)) {
  struct stat data;
  uint64_t inode = ours(fd, &data);
  if (!inode) return sync(fd);
  pthread_mutex_lock(&lock);
  uint64_t number = ++syncs;
  record(SYNC_BEGIN, inode, number, "", 0);
  pthread_mutex_unlock(&lock);
  int result = sync(fd);
  if (result == 0) {
    pthread_mutex_lock(&lock);
    record(SYNC_END, inode, number, "", 0);
    pthread_mutex_unlock(&lock);
  }
  return result;
}
int fsync(int fd) { return synced(fd, REAL(fsync)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }

static int opened(const char *path, int flags, mode_t mode) {
  if (inside || !below_root(path) || !(flags & (O_CREAT | O_TRUNC))) return REAL(open)(path, flags, mode);
  LOCKED(int, {
    uint64_t before = inode_of(path);
    result = REAL(open)(path, flags, mode);
    if (result >= 0 && !before) record(CREATE, inode_of(path), 0, path, (uint32_t)strlen(path));
    if (result >= 0 && before && (flags & O_TRUNC)) record(TRUNCATE, before, 0, "", 0);
  });
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return opened(path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return opened(path, flags, mode);
}

int mkdir(const char *path, mode_t mode) {
  if (!below_root(path)) return REAL(mkdir)(path, mode);
  LOCKED(int, {
    result = REAL(mkdir)(path, mode);
    if (result == 0) record(MKDIR, inode_of(path), 0, path, (uint32_t)strlen(path));
  });
}

int rmdir(const char *path) {
  if (!below_root(path)) return REAL(rmdir)(path);
  LOCKED(int, {
    result = REAL(rmdir)(path);
    if (result == 0) record(RMDIR, 0, 0, path, (uint32_t)strlen(path));
  });
}

int rename(const char *from, const char *to) {
  if (!below_root(from)) return REAL(rename)(from, to);
  LOCKED(int, {
    result = REAL(rename)(from, to);
    if (result == 0) {
      char both[8200];
      int length = snprintf(both, sizeof both, "%s%c%s", from, 0, to);
      record(RENAME, 0, 0, both, (uint32_t)length);
    }
  });
}

int unlink(const char *path) {
  if (!below_root(path)) return REAL(unlink)(path);
  LOCKED(int, {
    result = REAL(unlink)(path);
    if (result == 0) record(UNLINK, 0, 0, path, (uint32_t)strlen(path));
  });
}

/* The path that a name relative to an open directory stands for; empty: none of ours, or too long. */
static const char *within(int directory, const char *name, char *path, size_t room) {
  char link[64];
  path[0] = 0;
  if (!name || log_fd < 0) return path;
  if (name[0] == '/' || directory == AT_FDCWD) {
    snprintf(path, room, "%s", name);
    return path;
  }
  snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
  ssize_t length = readlink(link, path, room - 1);
  if (length <= 0 || (size_t)length + strlen(name) + 2 > room) length = 0;
  path[length] = 0;
  if (length) snprintf(path + length, room - (size_t)length, "/%s", name);
  return path;
}

static int opened_at(int directory, const char *name, int flags, mode_t mode) {
  char path[4096];
  if (inside || !(flags & (O_CREAT | O_TRUNC)) || !below_root(within(directory, name, path, sizeof path)))
    return REAL(openat)(directory, name, flags, mode);
  LOCKED(int, {
    uint64_t before = inode_of(path);
    result = REAL(openat)(directory, name, flags, mode);
    if (result >= 0 && !before) record(CREATE, inode_of(path), 0, path, (uint32_t)strlen(path));
    if (result >= 0 && before && (flags & O_TRUNC)) record(TRUNCATE, before, 0, "", 0);
  });
}
int openat(int directory, const char *name, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return opened_at(directory, name, flags, mode);
}
int openat64(int directory, const char *name, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return opened_at(directory, name, flags, mode);
}

int mkdirat(int directory, const char *name, mode_t mode) {
  char path[4096];
  if (!below_root(within(directory, name, path, sizeof path))) return REAL(mkdirat)(directory, name, mode);
  LOCKED(int, {
    result = REAL(mkdirat)(directory, name, mode);
    if (result == 0) record(MKDIR, inode_of(path), 0, path, (uint32_t)strlen(path));
  });
}

static int renamed(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
  if (no_exchange && (flags & EXCHANGES)) return errno = EINVAL, -1;
  char one[4096], other[4096];
  within(from_directory, from, one, sizeof one);
  within(to_directory, to, other, sizeof other);
  if (!below_root(one)) return REAL(renameat2)(from_directory, from, to_directory, to, flags);
  LOCKED(int, {
    result = REAL(renameat2)(from_directory, from, to_directory, to, flags);
    if (result == 0) {
      char both[8200];
      int length = snprintf(both, sizeof both, "%s%c%s", one, 0, other);
      record(flags & EXCHANGES ? EXCHANGE : RENAME, 0, 0, both, (uint32_t)length);
    }
  });
}
int renameat(int from_directory, const char *from, int to_directory, const char *to) {
  return renamed(from_directory, from, to_directory, to, 0);
}
int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
  return renamed(from_directory, from, to_directory, to, flags);
}

int unlinkat(int directory, const char *name, int flags) {
  char path[4096];
  if (!below_root(within(directory, name, path, sizeof path))) return REAL(unlinkat)(directory, name, flags);
  LOCKED(int, {
    result = REAL(unlinkat)(directory, name, flags);
    if (result == 0) record(flags & AT_REMOVEDIR ? RMDIR : UNLINK, 0, 0, path, (uint32_t)strlen(path));
  });
}

/* Who copies within the kernel is told that this one cannot, and reads and writes. */
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t length, unsigned flags) {
  struct stat data;
  if (!ours(to, &data)) return REAL(copy_file_range)(from, from_at, to, to_at, length, flags);
  errno = ENOSYS;
  return -1;
}
ssize_t sendfile(int to, int from, off_t *at, size_t length) {
  struct stat data;
  if (!ours(to, &data)) return REAL(sendfile)(to, from, at, length);
  errno = ENOSYS;
  return -1;
}
ssize_t sendfile64(int to, int from, off64_t *at, size_t length) { return sendfile(to, from, at, length); }

/* What would change files past this log ends the run: such a log proves nothing. */
int fallocate(int fd, int mode, off_t at, off_t length) {
  struct stat data;
  if (ours(fd, &data)) abort();
  return REAL(fallocate)(fd, mode, at, length);
}
int fallocate64(int fd, int mode, off64_t at, off64_t length) { return fallocate(fd, mode, at, length); }
