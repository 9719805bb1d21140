/** Guests that wear out translated code. */
import type { HostileGuest } from '../guest.ts';

export const code: readonly HostileGuest[] = [
  {
    name: 'self-modifying',
    does: 'each instruction is written just before it is executed',
    source: `
guest:
  inc   dword [changes + 1]
changes:
  mov   eax, 0
  inc   dword [changes_too + 1]
changes_too:
  mov   eax, 0
  jmp   guest
`,
  },
  {
    name: 'code-elsewhere',
    does: 'writes a function on another page, calls it, and so on through 1,024 pages',
    source: `
guest:
  mov   edi, buffer
.next:
  mov   dword [rdi], 0xc3c0ff48 ; inc rax, ret
  call  rdi
  mov   dword [rdi], 0xc3c8ff48 ; dec rax, ret
  call  rdi
  add   edi, 0x1000
  cmp   edi, buffer + 0x400000
  jb    .next
  jmp   guest
`,
  },
  {
    name: 'new-code',
    does: 'runs through 4 MiB of code that differs everywhere, and changes it',
    source: `
guest:
  mov   edi, buffer
  xor   ebx, ebx
.fill:
  mov   byte [rdi], 0x05           ; add eax, number
  mov   [rdi + 1], ebx
  inc   ebx
  add   edi, 5
  cmp   edi, buffer + 0x400000
  jb    .fill
  mov   byte [rdi], 0xc3
  mov   eax, buffer
.again:
  call  rax
  mov   eax, buffer
  add   dword [rax + 1], 1
  mov   ecx, 0x40
.change:
  call  random
  and   eax, 0x3ff000
  add   byte [rax + buffer + 0x804], 0
  loop  .change
  mov   eax, buffer
  jmp   .again
`,
  },
  {
    name: 'hot-pages',
    does: 'makes a loop on each of 2,048 pages hot, so that all are compiled',
    source: `
guest:
  mov   edi, buffer
.next:
  mov   rax, 0xc3fbe2c8ff48
  mov   [rdi], rax                ; dec rax, loop to it, ret
  mov   rax, 0xc3fbe2c8ff48
  mov   ecx, 20000
  call  rdi
  add   edi, 0x1000
  cmp   edi, buffer + 0x800000
  jb    .next
  jmp   guest
`,
  },
];
