/* Speaks as Python does when it compiles for distil (crates/distil-bytecode/src/exchange.rs), and tells what it
   sees of where it runs. The "compiled" file of a source is a code object with one constant: the answer to
   the question that the source is, or the source itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *outcome(long result) { return result < 0 ? strerrorname_np(errno) : "ok"; }

static void number(uint32_t value) { fwrite(&value, 4, 1, stdout); }

static uint32_t read_number(void) {
  uint32_t value;
  if (fread(&value, 4, 1, stdin) != 1) exit(0);
  return value;
}

static const char *connected(void) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
  to.sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1, for documentation */
  int own = socket(AF_INET, SOCK_STREAM, 0);
  return outcome(own < 0 ? own : connect(own, (struct sockaddr *)&to, sizeof to));
}

static const char *written(const char *path) { return outcome(open(path, O_WRONLY | O_CREAT, 0644)); }

static char *listed(const char *path) {
  static char names[4096];
  DIR *directory = opendir(path);
  struct dirent **entries;
  int count = scandir(path, &entries, NULL, alphasort);
  names[0] = 0;
  for (int i = 0; i < count; i++)
    if (entries[i]->d_name[0] != '.') strcat(strcat(names, entries[i]->d_name), " ");
  if (directory) closedir(directory);
  return names;
}

static const char *answer(char *question) {
  static char text[8192];
  struct timespec now;
  if (!strcmp(question, "who")) {
    sprintf(text, "%d:%d %s", getuid(), getgid(), getcwd(NULL, 0));
  } else if (!strcmp(question, "environment")) {
    text[0] = 0;
    for (char **line = environ; *line; line++) strcat(strcat(text, *line), " ");
  } else if (!strcmp(question, "network")) {
    sprintf(text, "%s", connected());
  } else if (!strcmp(question, "write")) {
    sprintf(text, "%s", written("/new"));
    sprintf(text + strlen(text), " %s", written("/usr/lib/python3.13/os.py"));
    int own = open("/tmp/new", O_WRONLY | O_CREAT, 0644);
    sprintf(text + strlen(text), " %s", own < 0 ? outcome(own) : outcome(write(own, "x", 1)));
  } else if (!strcmp(question, "root")) {
    sprintf(text, "%s", listed("/"));
  } else if (!strcmp(question, "bin")) {
    sprintf(text, "%s", listed("/usr/bin"));
  } else if (!strcmp(question, "memory")) {
    void *all = mmap(NULL, 5UL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sprintf(text, "%s", all == MAP_FAILED ? outcome(-1) : "ok");
  } else if (!strcmp(question, "files")) {
    sprintf(text, "%s", listed("/proc/self/fd"));
  } else if (!strcmp(question, "time")) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    sprintf(text, "%ld.%09ld", (long)now.tv_sec, now.tv_nsec);
  } else {
    return question;
  }
  return text;
}

int main(void) {
  signal(SIGXFSZ, SIG_IGN);
  fputs("distil-bytecode 1\n\xf3\r\r\n\013cpython-313", stdout);
  fflush(stdout);
  for (;;) {
    uint32_t path_length = read_number(), length = read_number();
    char *path = calloc(path_length + 1, 1), *source = calloc(length + 1, 1);
    fread(path, 1, path_length, stdin);
    fread(source, 1, length, stdin);
    if (length && source[length - 1] == '\n') source[length - 1] = 0;
    if (!strcmp(source, "not python")) {
      fputc(1, stdout), number(0);
    } else if (!strcmp(source, "crash")) {
      abort();
    } else if (!strcmp(source, "exhausted")) {
      fputc(2, stdout), number(11), fputs("MemoryError", stdout);
    } else if (!strcmp(source, "nonsense")) {
      fputc(0, stdout), number(12), fputs("12345678what", stdout);
    } else {
      const char *text = answer(source);
      /* A mark that nothing refers to is this process's own, and so is a string that is interned. */
      static int marks;
      int mark = marks++ % 2 ? 0 : 0x80;
      uint32_t size = strlen(text);
      uint32_t all = 8 + 21 + 5 + 2 + 5 + size + 2 + 2 + 5 + (2 + path_length) + 3 + 3 + 4 + 5 + 5;
      fputc(0, stdout), number(all);
      fputs("HASHHASH", stdout);
      fputc('c' | mark, stdout);
      for (int i = 0; i < 20; i++) fputc(0, stdout);
      fputc('s' | mark, stdout), number(0);
      fputc(')' | mark, stdout), fputc(1, stdout);
      fputc((marks % 3 ? 'a' : 'A') | mark, stdout), number(size), fputs(text, stdout);
      fputc(')', stdout), fputc(0, stdout);
      fputc(')', stdout), fputc(0, stdout);
      fputc('s', stdout), number(0);
      fputc('z', stdout), fputc(path_length, stdout), fputs(path, stdout);
      fputc('z', stdout), fputc(1, stdout), fputc('m', stdout);
      fputc('z', stdout), fputc(1, stdout), fputc('m', stdout);
      number(1);
      fputc('s', stdout), number(0);
      fputc('s', stdout), number(0);
    }
    fflush(stdout);
  }
}
