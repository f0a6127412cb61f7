/* What a program sees of the container that it runs in: one question a run, the first argument. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *outcome(long result) { return result < 0 ? strerrorname_np(errno) : "ok"; }

static volatile sig_atomic_t caught;
static void handle(int number) { caught = number; }

static void print_file(const char *path) {
  char buffer[65536];
  int file = open(path, O_RDONLY);
  ssize_t count;
  if (file < 0) {
    printf("%s\n", outcome(-1));
    return;
  }
  while ((count = read(file, buffer, sizeof buffer)) > 0) fwrite(buffer, 1, count, stdout);
  close(file);
}

int main(int count, char **words) {
  const char *question = count > 1 ? words[1] : "nothing";
  const char *word = count > 2 ? words[2] : "";
  if (!strcmp(question, "id")) {
    gid_t groups[64];
    int number = getgroups(64, groups);
    printf("%d:%d", getuid(), getgid());
    for (int i = 0; i < number; i++) printf(" %d", groups[i]);
    printf("\n");
  } else if (!strcmp(question, "words")) {
    for (int i = 0; i < count; i++) printf("[%s]", words[i]);
    printf("\n");
  } else if (!strcmp(question, "env")) {
    for (char **line = environ; *line; line++) printf("%s\n", *line);
  } else if (!strcmp(question, "cwd")) {
    printf("%s\n", getcwd(NULL, 0));
  } else if (!strcmp(question, "cat")) {
    print_file(word);
  } else if (!strcmp(question, "stdin")) {
    print_file("/dev/stdin");
  } else if (!strcmp(question, "ls")) {
    DIR *directory = opendir(word);
    if (!directory) return printf("%s\n", outcome(-1)), 1;
    for (struct dirent *entry; (entry = readdir(directory));)
      if (entry->d_name[0] != '.') printf("%s\n", entry->d_name);
  } else if (!strcmp(question, "write")) {
    int file = open(word, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    printf("%s\n", outcome(file < 0 ? -1 : write(file, "written\n", 8)));
  } else if (!strcmp(question, "stat")) {
    struct stat status;
    if (lstat(word, &status)) return printf("%s\n", outcome(-1)), 1;
    printf("%o %d:%d\n", status.st_mode & 07777, status.st_uid, status.st_gid);
  } else if (!strcmp(question, "exit")) {
    return atoi(word);
  } else if (!strcmp(question, "raise")) {
    raise(atoi(word));
  } else if (!strcmp(question, "wait")) {
    struct sigaction action = {.sa_handler = handle};
    for (int number = 1; number < 16; number++) sigaction(number, &action, NULL);
    printf("ready\n");
    fflush(stdout);
    while (!caught) pause();
    printf("signal %d\n", caught);
    return 7;
  } else if (!strcmp(question, "sleep")) {
    printf("ready\n");
    fflush(stdout);
    for (;;) pause();
  } else if (!strcmp(question, "calls")) {
    printf("mount %s\n", outcome(mount("none", "/tmp", "tmpfs", 0, "")));
    printf("unshare %s\n", outcome(unshare(CLONE_NEWUSER)));
    printf("clone3 %s\n", outcome(syscall(SYS_clone3, NULL, 0)));
    printf("setuid %s\n", outcome(setuid(12345)));
    printf("chroot %s\n", outcome(chroot("/tmp")));
    printf("setgroups %s\n", outcome(setgroups(0, NULL)));
    printf("bpf %s\n", outcome(syscall(SYS_bpf, 0, NULL, 0)));
    printf("unknown %s\n", outcome(syscall(2000)));
  } else if (!strcmp(question, "init")) {
    char path[64];
    printf("pid %d parent %d\n", getpid(), getppid());
    printf("executable %s\n", outcome(readlink("/proc/1/exe", path, sizeof path)));
    printf("memory %s\n", outcome(open("/proc/1/mem", O_RDONLY)));
  } else if (!strcmp(question, "orphans")) {
    /* Children of a child that ends first are nobody's but PID 1's. */
    for (int i = 0; i < 20; i++) {
      pid_t child = fork();
      if (!child) {
        if (!fork()) _exit(0);
        _exit(0);
      }
      waitpid(child, NULL, 0);
    }
    int processes = 0;
    for (int tries = 0; tries < 100; tries++) {
      processes = 0;
      DIR *directory = opendir("/proc");
      for (struct dirent *entry; (entry = readdir(directory));)
        if (atoi(entry->d_name) > 0) processes++;
      closedir(directory);
      if (processes == 2) break;
      usleep(20000);
    }
    printf("%d processes\n", processes);
  } else if (!strcmp(question, "tty")) {
    struct winsize size = {0};
    int found = ioctl(0, TIOCGWINSZ, &size);
    printf("%d%d%d %s %dx%d %s\n", isatty(0), isatty(1), isatty(2), outcome(found), size.ws_col,
           size.ws_row, ttyname(0) ? ttyname(0) : "-");
    int terminal = open("/dev/tty", O_RDWR);
    printf("controlling %s\n", outcome(terminal));
  } else if (!strcmp(question, "files")) {
    /* This process's open files beside the standard ones. */
    for (int number = 3; number < 1024; number++)
      if (fcntl(number, F_GETFD) >= 0) printf("%d\n", number);
    printf("end\n");
  } else {
    printf("no such question: %s\n", question);
    return 99;
  }
  return 0;
}
