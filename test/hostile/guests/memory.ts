/** Guests that wear out address translation. */
import type { HostileGuest } from '../guest.ts';

export const memory: readonly HostileGuest[] = [
  {
    name: 'page-tables',
    does: 'changes a page table entry, flushes, uses the page, through 512 pages',
    source: `
guest:
  mov   rax, cr3
  mov   rdi, [rax]
  and   rdi, ~0xfff
  mov   qword [rdi + 16], 0x2a007 ; the third GiB: one table for all of it
  mov   qword [0x2a000], 0x2b007
.again:
  xor   ecx, ecx
.page:
  call  random
  and   eax, 0x3fff000
  or    eax, 7
  mov   [0x2b000 + rcx * 8], rax
  mov   edx, ecx
  shl   edx, 12
  add   edx, 0x80000000
  invlpg [rdx]
  mov   eax, [rdx]
  inc   ecx
  cmp   ecx, 512
  jb    .page
  mov   rax, cr3
  mov   cr3, rax
  jmp   .again
`,
  },
  {
    name: 'tlb',
    does: 'touches a page in each of 32,768 places, in no order',
    source: `
guest:
  call  random
  mov   edi, eax
  and   edi, 0x3fff000
  mov   eax, [rdi]
  jmp   guest
`,
  },
];
