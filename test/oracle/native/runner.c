// Executes snippets on the processor itself: reads requests from stdin, writes one response each to stdout (layouts: native.ts).
// Linux, x86-64. The pages that a snippet may touch lie at fixed addresses, so that an emulator can replay a recording.
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

enum { CODE_SIZE = 0x1000, CODE_LIMIT = 192, OUTCOME_OK = 0x100, OUTCOME_TIMEOUT = 0x101 };
enum { CS64 = 0x33, CS32 = 0x23, DS32 = 0x2b, RESUME_FLAG = 0x10000 };
static uint8_t *const code = (uint8_t *)0x10000000;

// Must agree with `regions` in machine.ts.
static const struct region { uintptr_t base; size_t size; } regions[] = {
  { 0x8000, 0x1000 }, { 0x20000000, 0x2000 }, { 0x30000000, 0x1000 },
};
enum { REGIONS = sizeof regions / sizeof regions[0] };
static uint8_t memory_before[REGIONS][0x2000];

struct request {
  uint32_t code_length, mode, patches, reserved;
  uint8_t code[CODE_LIMIT];
  uint64_t gpr[16], rflags, padding;
  uint8_t fx[512], high[256];
};
struct response {
  uint32_t outcome, error, changes, reserved;
  uint64_t address, gpr[16], rip, rflags;
  uint8_t fx[512], high[256];
};
struct span { uint32_t address, length; };

uint64_t before_gpr[16], before_rflags, after_gpr[16], after_rflags;
uint8_t before_fx[512] __attribute__((aligned(16))), after_fx[512] __attribute__((aligned(16)));
// Upper halves of YMM registers, where there are any.
uint8_t before_high[256], after_high[256];
uint32_t has_avx;
struct { uint32_t offset; uint16_t selector; } __attribute__((packed)) entry_pointer = { 0x10000000, CS64 };
extern uint64_t host_stack;
extern void enter_snippet(void), leave_snippet(void), abandon_snippet(void);

static volatile int inside;
static uint32_t outcome, error_code;
static uint64_t fault_address, fault_rip;

static void on_signal(int number, siginfo_t *info, void *context) {
  (void)info;
  ucontext_t *uc = context;
  greg_t *regs = uc->uc_mcontext.gregs;
  if (!inside) {
    if (number == SIGALRM) return;
    signal(number, SIG_DFL);
    return;
  }
  static const int order[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                 REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };
  for (int i = 0; i < 16; i++) after_gpr[i] = regs[order[i]];
  after_rflags = regs[REG_EFL] & ~(uint64_t)RESUME_FLAG;
  memcpy(after_fx, uc->uc_mcontext.fpregs, 512);
  // The frame holds an XSAVE area in the standard format; a component that it does not have is in its initial state.
  const uint8_t *area = (const uint8_t *)uc->uc_mcontext.fpregs;
  memset(after_high, 0, sizeof after_high);
  if (has_avx && area[512] & 4) memcpy(after_high, area + 576, sizeof after_high);
  outcome = number == SIGALRM ? OUTCOME_TIMEOUT : (uint32_t)regs[REG_TRAPNO];
  error_code = regs[REG_ERR];
  fault_address = outcome == 14 ? regs[REG_CR2] : 0;
  fault_rip = regs[REG_RIP];
  regs[REG_RIP] = (greg_t)abandon_snippet;
  regs[REG_RSP] = host_stack;
  regs[REG_EFL] = 0x202;
  regs[REG_CSGSFS] = (regs[REG_CSGSFS] & ~0xffffLL) | CS64;
  uc->uc_mcontext.fpregs->swd = 0;
  uc->uc_mcontext.fpregs->cwd = 0x37f;
  uc->uc_mcontext.fpregs->mxcsr = 0x1f80;
}

static void must(int condition, const char *what) {
  if (condition) return;
  perror(what);
  exit(2);
}

static void map(uintptr_t base, size_t size, int protection) {
  void *at = mmap((void *)base, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  // The page below 64 KiB is for 16-bit addressing only and needs privilege; without it those snippets fault.
  if (at != (void *)base && base >= 0x10000) must(0, "mmap");
}

static int region_present[REGIONS];

static void place_exit(uint8_t *at, uint32_t mode) {
  uint64_t target = (uint64_t)leave_snippet;
  if (mode == 32) {
    uint32_t offset = (uint32_t)target;
    uint16_t selector = CS64;
    *at++ = 0xea; // JMP ptr16:32
    memcpy(at, &offset, 4);
    memcpy(at + 4, &selector, 2);
  } else {
    memcpy(at, "\xff\x25\0\0\0\0", 6); // JMP [RIP+0]
    memcpy(at + 6, &target, 8);
  }
}

static void load_data_segments(uint16_t selector) {
  __asm__ volatile("mov %0, %%ds\n mov %0, %%es" : : "r"((uint32_t)selector));
}

static void run(const struct request *in) {
  memset(code, 0xcc, 256);
  memcpy(code, in->code, in->code_length);
  place_exit(code + in->code_length, in->mode);
  memcpy(before_gpr, in->gpr, sizeof before_gpr);
  before_rflags = in->rflags;
  memcpy(before_fx, in->fx, sizeof before_fx);
  memcpy(before_high, in->high, sizeof before_high);
  entry_pointer.selector = in->mode == 32 ? CS32 : CS64;
  outcome = OUTCOME_OK;
  error_code = 0;
  fault_address = 0;
  fault_rip = (uintptr_t)code + in->code_length;
  struct itimerval limit = { { 0, 0 }, { 0, 200000 } }, none = { { 0, 0 }, { 0, 0 } };
  setitimer(ITIMER_REAL, &limit, 0);
  load_data_segments(in->mode == 32 ? DS32 : 0);
  inside = 1;
  enter_snippet();
  inside = 0;
  load_data_segments(0);
  setitimer(ITIMER_REAL, &none, 0);
}

// Writes the changed runs of memory; runs less than 8 bytes apart are joined.
static uint32_t report_changes(FILE *out) {
  uint32_t count = 0;
  for (int r = 0; r < REGIONS; r++) {
    if (!region_present[r]) continue;
    const uint8_t *now = (const uint8_t *)regions[r].base, *then = memory_before[r];
    if (!memcmp(now, then, regions[r].size)) continue;
    for (size_t i = 0; i < regions[r].size; i++) {
      if (now[i] == then[i]) continue;
      size_t last = i;
      for (size_t j = i; j < regions[r].size && j < last + 8; j++) if (now[j] != then[j]) last = j;
      struct span span = { (uint32_t)(regions[r].base + i), (uint32_t)(last - i + 1) };
      if (out) { fwrite(&span, sizeof span, 1, out); fwrite(now + i, span.length, 1, out); }
      count++;
      i = last;
    }
  }
  return count;
}

int main(void) {
  has_avx = __builtin_cpu_supports("avx") ? 1 : 0;
  map((uintptr_t)code, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
  for (int r = 0; r < REGIONS; r++) {
    map(regions[r].base, regions[r].size, PROT_READ | PROT_WRITE);
    unsigned char resident;
    region_present[r] = mincore((void *)regions[r].base, 1, &resident) == 0;
  }
  static uint8_t signal_stack[0x10000];
  stack_t alternate = { .ss_sp = signal_stack, .ss_size = sizeof signal_stack };
  must(sigaltstack(&alternate, 0) == 0, "sigaltstack");
  static const int signals[] = { SIGFPE, SIGSEGV, SIGILL, SIGTRAP, SIGBUS, SIGALRM };
  for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++) {
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    must(sigaction(signals[i], &action, 0) == 0, "sigaction");
  }
  static struct request in;
  while (fread(&in, sizeof in, 1, stdin) == 1) {
    for (int r = 0; r < REGIONS; r++) if (region_present[r]) memset((void *)regions[r].base, 0, regions[r].size);
    for (uint32_t i = 0; i < in.patches; i++) {
      struct span span;
      must(fread(&span, sizeof span, 1, stdin) == 1, "patch");
      static uint8_t bytes[0x2000];
      must(span.length <= sizeof bytes && fread(bytes, span.length, 1, stdin) == 1, "patch");
      for (int r = 0; r < REGIONS; r++)
        if (region_present[r] && span.address >= regions[r].base && span.address + span.length <= regions[r].base + regions[r].size)
          memcpy((void *)(uintptr_t)span.address, bytes, span.length);
    }
    for (int r = 0; r < REGIONS; r++) if (region_present[r]) memcpy(memory_before[r], (void *)regions[r].base, regions[r].size);
    run(&in);
    struct response reply = { .outcome = outcome, .error = error_code, .address = fault_address, .rip = fault_rip,
                              .rflags = after_rflags, .changes = report_changes(0) };
    memcpy(reply.gpr, after_gpr, sizeof reply.gpr);
    memcpy(reply.fx, after_fx, sizeof reply.fx);
    memcpy(reply.high, after_high, sizeof reply.high);
    fwrite(&reply, sizeof reply, 1, stdout);
    report_changes(stdout);
  }
  return 0;
}
