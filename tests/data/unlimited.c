/* Lets a process believe that it may lock as much memory as it likes, and writes down what it asks for then: loaded with LD_PRELOAD by
 * tests/it/erasing/locked.rs, since in most containers nobody may lift the limit. TAMIS_UNLIMITED_LOG: where the flags of each
 * mlockall go, as a number and a line's end. Nothing is locked. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

int getrlimit(__rlimit_resource_t resource, struct rlimit *limit) {
  int result = ((int (*)(__rlimit_resource_t, struct rlimit *))dlsym(RTLD_NEXT, "getrlimit"))(resource, limit);
  if (result == 0 && resource == RLIMIT_MEMLOCK) limit->rlim_cur = limit->rlim_max = RLIM_INFINITY;
  return result;
}
int getrlimit64(__rlimit_resource_t resource, struct rlimit64 *limit) {
  return getrlimit(resource, (struct rlimit *)limit); /* the same on 64 bits */
}

int mlockall(int flags) {
  const char *to = getenv("TAMIS_UNLIMITED_LOG");
  int log = to ? open(to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
  if (log < 0) abort();
  dprintf(log, "%d\n", flags);
  close(log);
  return 0;
}
