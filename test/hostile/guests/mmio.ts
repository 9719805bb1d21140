/** Guests that keep memory-mapped registers busy. */
import type { HostileGuest } from '../guest.ts';

/** Picks an address of a device, or of a hole, into RDI. Not the page of the local APIC's commands: see `ipi-…`. */
const choose = `
choose:
  call  random
  mov   edi, eax
  and   edi, 0xff8
  shr   eax, 16
  and   eax, 7
  mov   ecx, [places + rax * 4]
  add   edi, ecx
  ret
places:
  dd    0xfee00000, 0xfec00000, 0xfed00000, 0xc0000000, 0xc0001000, 0xd0000000, 0x000a0000, 0x08000000
`;

export const mmio: readonly HostileGuest[] = [
  {
    name: 'random-mmio',
    does: 'MOV to and from APIC, I/O APIC, HPET, BARs and holes',
    source: `
guest:
  call  choose
  mov   eax, [rdi]
  cmp   ecx, 0xfee00000
  je    guest
  mov   [rdi], r15d
  mov   rax, [rdi]
  mov   [rdi], r15w
  jmp   guest
${choose}`,
  },
  {
    name: 'movs-mmio',
    does: 'REP MOVSB from device to device, 4 KiB at a time',
    source: `
guest:
  call  choose
  and   edi, 0xfffff000
  mov   esi, edi
  call  choose
  and   edi, 0xfffff000
  cmp   ecx, 0xfee00000
  je    guest
  mov   ecx, 4096
  rep movsb
  jmp   guest
${choose}`,
  },
  {
    name: 'stos-mmio',
    does: 'REP STOSD over a hole of 256 MiB',
    source: `
guest:
  mov   edi, 0xd0000000
  mov   ecx, 0x4000000
  rep stosd
  jmp   guest
`,
  },
  {
    name: 'movs-hole',
    does: 'REP MOVSQ from a hole to a hole, 64 MiB at a time',
    source: `
guest:
  mov   esi, 0xd0000000
  mov   edi, 0xe0000000
  mov   ecx, 0x800000
  rep movsq
  jmp   guest
`,
  },
  {
    name: 'jump-mmio',
    does: 'jumps into an MMIO register and into a hole; the handler of the fault goes back',
    source: `
guest:
  mov   eax, 13
  mov   esi, back
  call  set_handler
  mov   eax, 14
  call  set_handler
  mov   eax, 6
  call  set_handler
back:
  mov   rsp, 0x80000
  xor   r14, 0x10000000
  mov   eax, 0xd0000000
  xor   rax, r14
  jmp   rax
`,
  },
];
