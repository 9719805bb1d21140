/*
 * The smallest hypervisor on /dev/kvm, without a C library: two guests, one in real mode that touches ports, memory that is none, CPUID and
 * an interrupt that waits for its window; one in 64-bit mode with page tables and a handler of its own. Every exit is a line.
 */
#include <asm/unistd.h>
#include <linux/kvm.h>

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
#define control(file, request, argument) call(__NR_ioctl, file, request, (long)(argument), 0, 0, 0)

static void print(const char *text) {
  long length = 0;
  while (text[length]) length++;
  call(__NR_write, 1, (long)text, length, 0, 0, 0);
}

static void say(const char *what, unsigned long value) {
  char text[20];
  int at = 19;
  text[at] = 0;
  do text[--at] = "0123456789abcdef"[value & 15];
  while (value >>= 4);
  print(what);
  print(" ");
  print(text + at);
  print("\n");
}

/* mov dx,3f8; add al,bl; add al,'0'; out dx,al; in al,dx; mov [8000],al; mov eax,40000000; cpuid; nop; sti; nop; hlt */
static const unsigned char real[] = {0xba, 0xf8, 0x03, 0x00, 0xd8, 0x04, 0x30, 0xee, 0xec, 0xa2, 0x00, 0x80, 0x66, 0xb8,
                                     0,    0,    0,    0x40, 0x0f, 0xa2, 0x90, 0xfb, 0x90, 0xf4};
/* mov al,'I'; out e9,al; iret */
static const unsigned char handler[] = {0xb0, 'I', 0xe6, 0xe9, 0xcf};
/* mov rax,123456789abc; mov rcx,c0000082; shld rdx,rax,32; wrmsr; rdmsr; out e9,eax; mov [ffff8000],eax; ud2 */
static const unsigned char wide[] = {0x48, 0xb8, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12, 0x00, 0x00, 0xb9, 0x82, 0x00,
                                     0x00, 0xc0, 0x48, 0x0f, 0xa4, 0xc2, 0x20, 0x0f, 0x30, 0x0f, 0x32, 0xe7, 0xe9,
                                     0xb8, 0x00, 0x80, 0x3f, 0x00, 0x89, 0x10, 0x0f, 0x0b};
/* mov rax,[rsp]; out e9,eax; hlt */
static const unsigned char wideHandler[] = {0x48, 0x8b, 0x04, 0x24, 0xe7, 0xe9, 0xf4};

enum { interruptVector = 0x40, windowOpen = KVM_EXIT_IRQ_WINDOW_OPEN };
static const unsigned long size = 0x10000;

static struct kvm_regs registers;
static struct kvm_sregs special;

static int run(long vcpu, struct kvm_run *state) {
  for (;;) {
    long result = control(vcpu, KVM_RUN, 0);
    if (result < 0) return say("run failed", -result), 1;
    unsigned char *data = (unsigned char *)state + state->io.data_offset;
    switch (state->exit_reason) {
    case KVM_EXIT_HLT:
      control(vcpu, KVM_GET_REGS, &registers);
      say("halted at", registers.rip);
      return 0;
    case KVM_EXIT_IO:
      if (state->io.direction == KVM_EXIT_IO_IN) {
        say("in", state->io.port);
        *data = 0x5a;
      } else {
        say("out", state->io.port);
        say(" value", state->io.size == 4 ? *(unsigned *)data : *data);
      }
      break;
    case KVM_EXIT_MMIO:
      say(state->mmio.is_write ? "write" : "read", state->mmio.phys_addr);
      say(" value", *(unsigned *)state->mmio.data & (state->mmio.len == 1 ? 0xff : -1));
      break;
    case windowOpen: {
      struct kvm_interrupt interrupt = {.irq = interruptVector};
      print("window\n");
      state->request_interrupt_window = 0;
      control(vcpu, KVM_INTERRUPT, &interrupt);
      break;
    }
    default:
      return say("unexpected exit", state->exit_reason), 1;
    }
  }
}

static void copy(unsigned char *to, const unsigned char *from, unsigned long length) {
  for (unsigned long n = 0; n < length; n++) to[n] = from[n];
}

static void enterReal(long vcpu, unsigned char *memory) {
  copy(memory + 0x1000, real, sizeof real);
  copy(memory + 0x2000, handler, sizeof handler);
  *(unsigned *)(memory + 4 * interruptVector) = 0x2000;
  control(vcpu, KVM_GET_SREGS, &special);
  special.cs.base = special.cs.selector = 0;
  control(vcpu, KVM_SET_SREGS, &special);
  registers = (struct kvm_regs){.rax = 2, .rbx = 3, .rip = 0x1000, .rsp = 0x4000, .rflags = 2};
  control(vcpu, KVM_SET_REGS, &registers);
}

static void enterLong(long vcpu, unsigned char *memory) {
  unsigned long *tables = (unsigned long *)(memory + 0x5000);
  tables[0] = 0x6003;
  tables[512] = 0x7003;
  tables[1024] = 0x83;
  tables[1025] = 0x200083;
  unsigned long *gate = (unsigned long *)(memory + 0x8000 + 6 * 16);
  gate[0] = 0x00008e0000082000;
  *(unsigned long *)(memory + 0x9008) = 0x00af9b000000ffff;
  copy(memory + 0x1000, wide, sizeof wide);
  copy(memory + 0x2000, wideHandler, sizeof wideHandler);
  control(vcpu, KVM_GET_SREGS, &special);
  special.cr0 = 0x80000033;
  special.cr3 = 0x5000;
  special.cr4 = 0x20;
  special.efer = 0x500;
  special.cs = (struct kvm_segment){.limit = -1, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1};
  special.ss = special.ds = special.es =
      (struct kvm_segment){.limit = -1, .selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1};
  special.gdt = (struct kvm_dtable){.base = 0x9000, .limit = 0x17};
  special.idt = (struct kvm_dtable){.base = 0x8000, .limit = 0xfff};
  control(vcpu, KVM_SET_SREGS, &special);
  registers = (struct kvm_regs){.rip = 0x1000, .rsp = 0x4000, .rflags = 2};
  control(vcpu, KVM_SET_REGS, &registers);
}

/* Guest-physical memory from 0 on. What lies beyond is none. */
static void map(long vm, unsigned char *memory, unsigned long length) {
  struct kvm_userspace_memory_region region = {.userspace_addr = (unsigned long)memory};
  control(vm, KVM_SET_USER_MEMORY_REGION, &region);
  region.memory_size = length;
  control(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static int main(void) {
  long kvm = call(__NR_open, (long)"/dev/kvm", 2, 0, 0, 0, 0);
  if (kvm < 0) return say("no /dev/kvm", -kvm), 1;
  say("api", control(kvm, KVM_GET_API_VERSION, 0));
  long vm = control(kvm, KVM_CREATE_VM, 0);
  control(vm, KVM_SET_TSS_ADDR, 0xfffbd000);
  unsigned char *memory = (unsigned char *)call(__NR_mmap, 0, size, 3, 0x21, -1, 0);
  long vcpu = control(vm, KVM_CREATE_VCPU, 0);
  if (vcpu < 0) return say("no vcpu", -vcpu), 1;
  struct kvm_run *state =
      (struct kvm_run *)call(__NR_mmap, 0, control(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), 3, 1, vcpu, 0);

  map(vm, memory, 0x8000);
  enterReal(vcpu, memory);
  state->request_interrupt_window = 1;
  if (run(vcpu, state)) return 1;

  map(vm, memory, size);
  enterLong(vcpu, memory);
  return run(vcpu, state);
}

__attribute__((force_align_arg_pointer)) void _start(void) {
  call(__NR_exit, main(), 0, 0, 0, 0, 0);
}
