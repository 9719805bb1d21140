/*
 * Whether the clocks of all processors are one, without a C library: a process on each processor reads the latest time that anybody has seen,
 * then the clock itself, which must not be earlier. CLOCK_MONOTONIC and the counter of RDTSC. Argument: seconds.
 */
#include <asm/unistd.h>

static long call(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

static void print(const char *text) {
  long length = 0;
  while (text[length]) length++;
  call(__NR_write, 1, (long)text, length, 0, 0, 0);
}

static void number(const char *what, unsigned long value) {
  char text[24];
  int at = 23;
  text[at] = 0;
  do text[--at] = '0' + value % 10;
  while (value /= 10);
  print(what);
  print(text + at);
}

static unsigned long monotonic(void) {
  long time[2];
  call(__NR_clock_gettime, 1, (long)time, 0, 0, 0, 0);
  return (unsigned long)time[0] * 1000000000 + (unsigned long)time[1];
}

static unsigned long counter(void) {
  unsigned low, high;
  __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
  return (unsigned long)high << 32 | low;
}

struct watch {
  unsigned long latest, readings, backwards, worst;
};

struct shared {
  struct watch clock, tsc;
};

static void see(struct watch *watch, unsigned long (*read)(void)) {
  unsigned long latest = __atomic_load_n(&watch->latest, __ATOMIC_SEQ_CST);
  unsigned long now = read();
  __atomic_fetch_add(&watch->readings, 1, __ATOMIC_SEQ_CST);
  if (now < latest) {
    unsigned long worst = __atomic_load_n(&watch->worst, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&watch->backwards, 1, __ATOMIC_SEQ_CST);
    while (latest - now > worst &&
           !__atomic_compare_exchange_n(&watch->worst, &worst, latest - now, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    return;
  }
  while (now > latest &&
         !__atomic_compare_exchange_n(&watch->latest, &latest, now, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
}

static void tell(const char *what, const struct watch *watch) {
  print(what);
  number(" readings ", watch->readings);
  number(" backwards ", watch->backwards);
  number(" worst ", watch->worst);
  print("\n");
}

static int run(int count, char **arguments) {
  unsigned long mask[16], seconds = count > 1 ? (unsigned long)(arguments[1][0] - '0') : 1;
  int processes = 0;
  struct shared *shared = (void *)call(__NR_mmap, 0, 4096, 3, 0x21, -1, 0);
  long bytes = call(__NR_sched_getaffinity, 0, sizeof mask, (long)mask, 0, 0, 0);
  for (long processor = 0; processor < bytes * 8; processor++) {
    if (!(mask[processor / 64] >> processor % 64 & 1)) continue;
    processes++;
    if (call(__NR_fork, 0, 0, 0, 0, 0, 0) != 0) continue;
    unsigned long own[16] = {0}, start = monotonic();
    own[processor / 64] = 1UL << processor % 64;
    if (call(__NR_sched_setaffinity, 0, sizeof own, (long)own, 0, 0, 0) < 0) print("affinity refused\n");
    for (unsigned long turn = 0; turn < 20000000; turn++) {
      unsigned long now = monotonic();
      if (now > start && now - start > seconds * 1000000000) break;
      for (int n = 0; n < 50; n++) see(&shared->clock, monotonic), see(&shared->tsc, counter);
    }
    call(__NR_exit, 0, 0, 0, 0, 0, 0);
  }
  for (int n = 0; n < processes; n++) call(__NR_wait4, -1, 0, 0, 0, 0, 0);
  number("processors ", (unsigned long)processes);
  print("\n");
  tell("monotonic", &shared->clock);
  tell("tsc", &shared->tsc);
  return 0;
}

void begin(long *stack) { call(__NR_exit, run((int)stack[0], (char **)(stack + 1)), 0, 0, 0, 0, 0); }

__asm__(".globl _start\n_start: xor %ebp,%ebp\nmov %rsp,%rdi\nand $-16,%rsp\ncall begin\n");
