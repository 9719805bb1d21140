/** Guests that flood each other and themselves with interrupts. */
import type { HostileGuest } from '../guest.ts';

/** Every processor writes the command again and again, with interrupts on; NMIs are taken too. */
const storm = (command: string): string => `
guest:
  mov   eax, 2
  mov   esi, on_nmi
  call  set_handler
others:
  sti
.again:
${command}
  jmp   .again
on_nmi:
  iretq
`;

export const interrupts: readonly HostileGuest[] = [
  {
    name: 'ipi-fixed',
    does: 'four processors send each other fixed interrupts',
    processors: 4,
    source: storm(`
  add   ebx, 0x01000000
  and   ebx, 0x03000000
  mov   [apic + 0x310], ebx
  mov   dword [apic + 0x300], 0x40f0`),
  },
  {
    name: 'ipi-broadcast',
    does: 'four processors send fixed interrupts to all',
    processors: 4,
    source: storm('  mov   dword [apic + 0x300], 0x840f0'),
  },
  {
    name: 'ipi-nmi',
    does: 'four processors send NMIs to all others',
    processors: 4,
    source: storm('  mov   dword [apic + 0x300], 0xc4400'),
  },
  {
    name: 'ipi-self',
    does: 'one processor sends itself interrupts of ever higher priority',
    source: storm(`
  mov   eax, 0x44020
.next:
  mov   [apic + 0x300], eax
  add   al, 0x10
  jnc   .next`),
  },
  {
    name: 'init-sipi',
    does: 'one processor sends INIT and SIPI to three others, which start and die',
    processors: 4,
    source: `
guest:
  mov   dword [apic + 0x300], 0xc4500
  mov   dword [apic + 0x300], 0xc4608
  mov   dword [apic + 0x300], 0xc4608
  jmp   guest
others:
  jmp   others
`,
  },
  {
    name: 'pic-ioapic',
    does: 'programs PIC and I/O APIC anew with every access, with the PIT interrupting',
    source: `
guest:
  mov   edi, interrupts           ; between two commands the PIC's vectors begin at 0
.vector:
  mov   esi, on_interrupt
  call  set_gate
  cmp   edi, interrupts + 0x80
  jb    .vector
  mov   al, 0x34
  out   0x43, al
  mov   al, 2
  out   0x40, al
  mov   al, 0
  out   0x40, al
  sti
.again:
  mov   al, 0x11
  out   0x20, al
  mov   al, 0x40
  out   0x21, al
  mov   al, 4
  out   0x21, al
  mov   al, 3
  out   0x21, al
  mov   al, 0
  out   0x21, al
  mov   al, 0x20
  out   0x20, al
  mov   edi, 0xfec00000
  mov   ecx, 24
.pin:
  lea   eax, [rcx * 2 + 0xe]
  mov   [rdi], eax
  mov   dword [rdi + 0x10], 0x80e0
  mov   dword [rdi + 0x10], 0x00e0
  loop  .pin
  jmp   .again
`,
  },
  {
    name: 'tpr',
    does: 'MOV CR8 in a loop while an interrupt is pending',
    source: `
guest:
  sti
.again:
  mov   eax, 15
  mov   cr8, rax
  mov   dword [apic + 0x300], 0x44051
  xor   eax, eax
  mov   cr8, rax
  mov   rax, cr8
  mov   dword [apic + 0x80], 0x60
  mov   dword [apic + 0x80], 0
  jmp   .again
`,
  },
  {
    name: 'halt-woken',
    does: 'HLT that an interrupt to itself ends at once',
    source: `
guest:
  cli
  mov   dword [apic + 0x300], 0x44051
  sti
  hlt
  jmp   guest
`,
  },
];
