// Stands between a program and the system's calls that change files below FAULT_FOLDER. Call number FAULT_AT
// (from 1) goes wrong as FAULT_MODE says: `kill` before it, `torn1`, `tornhalf` and `tornlast` after 1 byte, half or
// all but one byte of a write (other calls are done whole), `eio` fails once, `enospc` fails and every later write
// too. FAULT_LOG names a file that gets a line per call: name, bytes, path. Loaded with LD_PRELOAD.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int count;
static int is_full;

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

static int is_below(const char *path) {
  const char *folder = getenv("FAULT_FOLDER");
  return folder && path && strncmp(path, folder, strlen(folder)) == 0;
}

// The file's path; empty when the call is none of ours.
static void path_of(int fd, char *path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, size - 1);
  path[n < 0 ? 0 : n] = 0;
  if (!is_below(path)) path[0] = 0;
}

// Counts a call; true when it is the one that goes wrong.
static int is_due(const char *name, size_t bytes, const char *path) {
  const char *log = getenv("FAULT_LOG"), *at = getenv("FAULT_AT");
  count++;
  if (log) {
    FILE *file = fopen(log, "a");
    if (file) {
      fprintf(file, "%s %zu %s\n", name, bytes, path);
      fclose(file);
    }
  }
  return at && atoi(at) == count;
}

static int mode_is(const char *mode) {
  const char *value = getenv("FAULT_MODE");
  return value && strcmp(value, mode) == 0;
}

static void die(void) {
  kill(getpid(), SIGKILL);
  pause();
}

// What comes before a call: 0 go on, -1 fail with errno set.
static int before(const char *name, size_t bytes, const char *path, int *due) {
  *due = is_due(name, bytes, path);
  if (*due && mode_is("kill")) die();
  if (*due && mode_is("eio")) return errno = EIO, -1;
  if (*due && mode_is("enospc")) is_full = 1;
  if (is_full && (bytes > 0 || *due)) return errno = ENOSPC, -1;
  return 0;
}

static size_t part(size_t bytes) {
  if (mode_is("torn1")) return bytes < 1 ? bytes : 1;
  if (mode_is("tornhalf")) return bytes / 2;
  if (mode_is("tornlast")) return bytes ? bytes - 1 : 0;
  return bytes;
}

ssize_t write(int fd, const void *data, size_t bytes) {
  ssize_t (*real)(int, const void *, size_t) = next("write");
  char path[4096];
  int due;
  path_of(fd, path, sizeof path);
  if (!path[0]) return real(fd, data, bytes);
  if (before("write", bytes, path, &due)) return -1;
  if (!due) return real(fd, data, bytes);
  real(fd, data, part(bytes));
  die();
  return -1;
}

static ssize_t put(const char *symbol, int fd, const void *data, size_t bytes, off_t offset) {
  ssize_t (*real)(int, const void *, size_t, off_t) = next(symbol);
  char path[4096];
  int due;
  path_of(fd, path, sizeof path);
  if (!path[0]) return real(fd, data, bytes, offset);
  if (before("pwrite", bytes, path, &due)) return -1;
  if (!due) return real(fd, data, bytes, offset);
  real(fd, data, part(bytes), offset);
  die();
  return -1;
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset) { return put("pwrite", fd, data, bytes, offset); }
ssize_t pwrite64(int fd, const void *data, size_t bytes, off_t offset) {
  return put("pwrite64", fd, data, bytes, offset);
}

// Calls without bytes.
#define ON_FILE(name, parameters, arguments)                  \
  int name parameters {                                       \
    int(*real) parameters = next(#name);                      \
    char path[4096];                                          \
    int due;                                                  \
    path_of(fd, path, sizeof path);                           \
    if (!path[0]) return real arguments;                      \
    if (before(#name, 0, path, &due)) return -1;              \
    int result = real arguments;                              \
    if (due) die();                                           \
    return result;                                            \
  }

#define ON_PATH(name, parameters, arguments)                  \
  int name parameters {                                       \
    int(*real) parameters = next(#name);                      \
    int due;                                                  \
    if (!is_below(path)) return real arguments;               \
    if (before(#name, 0, path, &due)) return -1;              \
    int result = real arguments;                              \
    if (due) die();                                           \
    return result;                                            \
  }

ON_FILE(fsync, (int fd), (fd))
ON_FILE(fdatasync, (int fd), (fd))
ON_FILE(ftruncate, (int fd, off_t size), (fd, size))
ON_FILE(ftruncate64, (int fd, off_t size), (fd, size))
ON_PATH(rename, (const char *path, const char *target), (path, target))
ON_PATH(unlink, (const char *path), (path))
