/*
 * Steps a child from branch to branch (PTRACE_SINGLEBLOCK, which is DEBUGCTL.BTF on x86) and says where it stops each time, in bytes from
 * its first instruction. Freestanding: no libc is in the guest.
 */
#include <asm/ptrace.h>
#include <asm/unistd.h>

#define PTRACE_TRACEME 0
#define SIGSTOP 19
#define SIGTRAP 5

struct registers {
  unsigned long r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags, rsp, ss;
  unsigned long fs_base, gs_base, ds, es, fs, gs;
};

static long call(long number, long a, long b, long c, long d) {
  register long r10 __asm__("r10") = d;
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
}

static void say(unsigned long value) {
  char text[24];
  int at = sizeof text;
  text[--at] = '\n';
  do text[--at] = "0123456789abcdef"[value & 15];
  while ((value >>= 4) != 0);
  call(__NR_write, 1, (long)(text + at), sizeof text - at, 0);
}

extern char child[];
__asm__(".text\n"
        "child:\n"
        "  nop\n"
        "  xor %eax, %eax\n"
        "  jnz 9f\n"
        "  jz 1f\n" /* 1 */
        "  nop\n"
        "1: jz 2f\n" /* 2, which is the next instruction */
        "2: jmp 3f\n"
        "  nop\n"
        "3: call 4f\n"
        "  jmp 5f\n"
        "4: ret\n"
        "5: mov $2, %ecx\n"
        "6: loop 6b\n"
        "  jrcxz 7f\n"
        "  nop\n"
        "7: mov $3, %ecx\n"
        "  lea room(%rip), %rdi\n"
        "  rep stosb\n"
        "  lea 8f(%rip), %rax\n"
        "  jmp *%rax\n"
        "  nop\n"
        "8: mov $39, %eax\n" /* getpid */
        "  syscall\n"
        "  jmp 9f\n"
        "  nop\n"
        "9: int3\n"
        ".bss\n"
        "room: .skip 8\n"
        ".text\n");

void _start(void) {
  struct registers registers;
  int status = 0;
  long pid = call(__NR_fork, 0, 0, 0, 0);
  if (pid == 0) {
    call(__NR_ptrace, PTRACE_TRACEME, 0, 0, 0);
    call(__NR_kill, call(__NR_getpid, 0, 0, 0, 0), SIGSTOP, 0, 0);
    ((void (*)(void))child)();
  }
  call(__NR_wait4, pid, (long)&status, 0, 0);
  call(__NR_ptrace, PTRACE_GETREGS, pid, 0, (long)&registers);
  registers.rip = (unsigned long)child;
  call(__NR_ptrace, PTRACE_SETREGS, pid, 0, (long)&registers);
  for (int stops = 0; stops < 64; stops++) {
    call(__NR_ptrace, PTRACE_SINGLEBLOCK, pid, 0, 0);
    call(__NR_wait4, pid, (long)&status, 0, 0);
    if ((status & 0xff) != 0x7f || ((status >> 8) & 0xff) != SIGTRAP) break;
    call(__NR_ptrace, PTRACE_GETREGS, pid, 0, (long)&registers);
    say(registers.rip - (unsigned long)child);
    if (*(unsigned char *)(registers.rip - 1) == 0xcc) break;
  }
  call(__NR_kill, pid, 9, 0, 0);
  call(__NR_exit, 0, 0, 0, 0);
}
