/* The machine's floor: one byte there and back over a unix socket between two processes, 500 times a second. Prints the
 * p50 and p99 of the round trip in us. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 1500

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(void) {
  int ends[2];
  char byte = 0;
  static double trips[ROUNDS];
  struct timespec gap = {0, 2000000};
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 1;
  if (fork() == 0) {
    close(ends[0]);
    while (read(ends[1], &byte, 1) == 1 && write(ends[1], &byte, 1) == 1) continue;
    return 0;
  }
  close(ends[1]);
  for (int i = 0; i < ROUNDS; i++) {
    nanosleep(&gap, NULL);
    double start = now_us();
    if (write(ends[0], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1) return 1;
    trips[i] = now_us() - start;
  }
  qsort(trips, ROUNDS, sizeof trips[0], ascending);
  printf("%.0f %.0f\n", trips[ROUNDS / 2], trips[ROUNDS * 99 / 100]);
  return 0;
}
