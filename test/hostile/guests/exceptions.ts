/** Guests that live in exceptions. */
import type { HostileGuest } from '../guest.ts';

/** Gives the vector a stack of its own, which begins anew each time. */
const ownStack = (vector: number): string => `
  mov   byte [interrupts + ${vector} * 16 + 4], 1
  mov   dword [variables + 0x800 + 0x24], 0x70000
  mov   eax, 0x28
  ltr   ax
`;

/** The first instruction of the handler raises the exception again. */
const inHandler = (vector: number, instruction: string, stack = ''): string => `
guest:
  mov   eax, ${vector}
  mov   esi, handler
  call  set_handler
${stack}
handler:
  ${instruction}
  jmp   handler
`;

/** The handler goes back to the instruction that raised it. */
const again = (vector: number, instruction: string, returns: string): string => `
guest:
  mov   eax, ${vector}
  mov   esi, handler
  call  set_handler
  mov   r14d, 0x90000000
loop_again:
  ${instruction}
  jmp   loop_again
handler:
  ${returns}
  iretq
`;

export const exceptions: readonly HostileGuest[] = [
  {
    name: 'ud-in-handler',
    does: '#UD whose handler begins with UD2, with a stack of its own: no instruction ever retires',
    source: inHandler(6, 'ud2', ownStack(6)),
  },
  {
    name: 'ud-stack',
    does: '#UD whose handler begins with UD2; the stack goes down through memory until it meets the tables',
    source: inHandler(6, 'ud2'),
  },
  { name: 'ud-again', does: '#UD whose handler returns to it', source: again(6, 'ud2', '') },
  { name: 'int3', does: 'INT3 without end', source: again(3, 'int3', '') },
  { name: 'int-n', does: 'INT 0x80 without end', source: again(0x80, 'int 0x80', '') },
  {
    name: 'page-fault',
    does: '#PF whose handler returns to it',
    source: `
guest:
  mov   rax, cr3
  mov   rdi, [rax]
  and   rdi, ~0xfff
  mov   qword [rdi + 16], 0       ; the third GiB is not there
  mov   cr3, rax
${again(14, 'mov eax, [r14]', 'add rsp, 8').replace('guest:', '')}`,
  },
  {
    name: 'page-fault-stack',
    does: 'a fault without end at the handler of #PF itself, without a stack: double faults, then a triple fault, again and again',
    source: `
guest:
  mov   rax, cr3
  mov   rdi, [rax]
  and   rdi, ~0xfff
  mov   qword [rdi + 16], 0
  mov   cr3, rax
  mov   esp, 0x90000000
  push  rax
`,
  },
  {
    name: 'handler-absent',
    does: '#PF whose handler lies on a page that is not there, with a stack of its own each time',
    source: `
guest:
  mov   rax, cr3
  mov   rdi, [rax]
  and   rdi, ~0xfff
  mov   qword [rdi + 16], 0
  mov   cr3, rax
  mov   eax, 14
  mov   esi, 0x90000000
  call  set_handler
${ownStack(14)}
  mov   eax, [0x90000000]
`,
  },
  {
    name: 'single-step',
    does: 'TF set, so that #DB follows each instruction',
    source: `
guest:
  mov   eax, 1
  mov   esi, handler
  call  set_handler
  pushfq
  or    dword [rsp], 0x100
  popfq
.again:
  inc   ecx
  jmp   .again
handler:
  iretq
`,
  },
  {
    name: 'task-switch',
    does: 'two tasks of 32-bit mode jump to each other',
    source: `
guest:
  mov   edi, variables
  xor   eax, eax
  mov   ecx, 0x200
  rep stosd
  mov   dword [variables + 0x20], task_b
  mov   dword [variables + 0x24], 2
  mov   dword [variables + 0x38], 0x78000
  mov   dword [variables + 0x48], 0x18
  mov   dword [variables + 0x4c], 0x20
  mov   dword [variables + 0x50], 0x18
  mov   dword [variables + 0x54], 0x18
  mov   rax, ${(BigInt(0x8900) << 32n) + 0x67n} + ((variables & 0xffff) << 16) + ((variables >> 16) << 32)
  mov   [table + 0x30], rax
  mov   rax, ${(BigInt(0x8900) << 32n) + 0x67n} + (((variables + 0x100) & 0xffff) << 16) + ((variables >> 16) << 32)
  mov   [table + 0x38], rax
  push  0x20
  push  compatible
  retfq
bits 32
compatible:
  mov   eax, cr0
  and   eax, 0x7fffffff
  mov   cr0, eax
  mov   ecx, 0xc0000080
  xor   eax, eax
  xor   edx, edx
  wrmsr
  mov   eax, 0x38
  ltr   ax
task_a:
  db    0xea
  dd    0
  dw    0x30
  jmp   task_a
task_b:
  db    0xea
  dd    0
  dw    0x38
  jmp   task_b
`,
  },
];
