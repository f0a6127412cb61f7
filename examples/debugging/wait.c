/* Looks for a file that is not there, which a debugger shows. */
#include <stdio.h>

int main(void) {
  FILE *file = fopen("/etc/wait.conf", "r");
  puts(file ? "configured" : "not configured");
  return 0;
}
