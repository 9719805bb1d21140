import { layout } from '../layout.ts';
import type { Workload } from '../workload.ts';

const vector = 14;

/** Demand paging: each page is missing when it is written, mapped by the handler, read, and unmapped again. */
export const pageFault: Workload = {
  name: 'page-fault',
  description: 'a page fault, a new mapping, INVLPG',
  instructions: 25,
  operations: { name: 'page fault', count: 1 },
  trial: 5_000,
  source: `
faults equ variables + 16

prepare:
  mov   edi, ${layout.interrupts + 16 * vector}
  mov   esi, on_fault
  jmp   set_gate

workload:
  xor   ebx, ebx
  xor   r12d, r12d
.next:
  mov   edi, r12d
  shl   edi, 12
  add   edi, window
  mov   [rdi + 8], r15
  add   rbx, [rdi + 8]
  mov   qword [window_table + r12*8], 0
  invlpg [rdi]
  add   r12d, 37
  and   r12d, 511
  dec   r15
  jnz   .next
  add   rbx, [faults]
  jmp   done

on_fault:
  push  rax
  push  rcx
  mov   rax, cr2
  mov   rcx, rax
  sub   ecx, window
  shr   ecx, 12
  and   eax, 0x1ff000
  add   eax, buffer + 7
  mov   [window_table + rcx*8], rax
  inc   qword [faults]
  pop   rcx
  pop   rax
  add   rsp, 8
  iretq
`,
};
