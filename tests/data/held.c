/* Holds a process where it makes or renames something: loaded with LD_PRELOAD by tests/it/support/held.rs, so that a test can look at
 * what goes on meanwhile, for as long as it wants and not for as long as it guesses.
 *
 * TAMIS_HELD_AT: a file. While it is there with `mkdir:TEXT` or `rename:TEXT` in it, whoever would make a directory, or rename
 * something, whose path has that text in it writes a line into the file of that name with ".reached" behind it, and waits until the
 * first is gone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void hold(const char *act, const char *path) {
  const char *at = getenv("TAMIS_HELD_AT");
  char text[256], reached[4096];
  int kept = errno;
  int file = at ? open(at, O_RDONLY | O_CLOEXEC) : -1;
  if (file >= 0) {
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    text[length > 0 ? length : 0] = 0;
    if (strncmp(text, act, strlen(act)) == 0 && strstr(path, text + strlen(act))) {
      snprintf(reached, sizeof reached, "%s.reached", at);
      int told = open(reached, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      if (told < 0 || write(told, "\n", 1) != 1) abort(); /* the test would wait for nothing */
      close(told);
      while (access(at, F_OK) == 0) usleep(1000);
    }
  }
  errno = kept;
}

int mkdir(const char *path, mode_t mode) {
  hold("mkdir:", path);
  return REAL(mkdir)(path, mode);
}

int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", from_directory);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length > 0 && (size_t)length + strlen(from) + 2 < sizeof path) {
    snprintf(path + length, sizeof path - (size_t)length, "/%s", from);
    hold("rename:", path);
  }
  return REAL(renameat2)(from_directory, from, to_directory, to, flags);
}
