/** Guests that keep the ports busy. */
import type { HostileGuest } from '../guest.ts';

/** REP OUTS or INS with 64 Ki elements, forever. */
const string = (instruction: string, port: number, register: 'rsi' | 'rdi'): string => `
guest:
  mov   ${register}, buffer
  mov   ecx, 0x10000
  mov   dx, ${port}
  rep ${instruction}
  jmp   guest
`;

export const ports: readonly HostileGuest[] = [
  {
    name: 'serial-flood',
    does: 'OUT to the UART without end',
    source: `
guest:
  mov   dx, 0x3f8
  mov   al, 'x'
flood:
  out   dx, al
  jmp   flood
`,
  },
  { name: 'outsb-debug', does: 'REP OUTSB of 64 KiB to the debug port', source: string('outsb', 0x402, 'rsi') },
  { name: 'outsb-uart', does: 'REP OUTSB of 64 KiB to the UART', source: string('outsb', 0x3f8, 'rsi') },
  { name: 'insb-uart', does: 'REP INSB of 64 KiB from the UART', source: string('insb', 0x3f8, 'rdi') },
  {
    name: 'insd-nothing',
    does: 'REP INSD, 64 Ki times, from a port that nobody has',
    source: string('insd', 0x5678, 'rdi'),
  },
  {
    name: 'random-ports',
    does: 'IN and OUT of all sizes on any port but those that end the run',
    source: `
guest:
  call  random
  mov   edx, eax
  shr   rax, 32
  movzx edx, dx
  cmp   edx, 0xf0                 ; debug exit
  jb    .below
  cmp   edx, 0xff
  jbe   guest
.below:
  cmp   edx, 0x60                 ; 8042
  jb    .more
  cmp   edx, 0x64
  jbe   guest
.more:
  cmp   edx, 0x8f
  jb    .most
  cmp   edx, 0x93                 ; port 92
  jbe   guest
.most:
  cmp   edx, 0xcf6                ; CF9
  jb    .power
  cmp   edx, 0xcfa
  jbe   guest
.power:
  cmp   edx, 0x600
  jb    .go
  cmp   edx, 0x610
  jbe   guest
.go:
  out   dx, al
  in    al, dx
  out   dx, ax
  in    eax, dx
  out   dx, eax
  jmp   guest
`,
  },
  {
    name: 'configuration',
    does: 'floods PCI configuration space, registers of all functions at random',
    source: `
guest:
  call  random
  and   eax, 0x0000fffc
  or    eax, 0x80000000
  mov   dx, 0xcf8
  out   dx, eax
  mov   dx, 0xcfc
  in    eax, dx
  not   eax
  out   dx, eax
  jmp   guest
`,
  },
  {
    name: 'bars',
    does: 'moves a PCI BAR with every access: over RAM, the APIC, other BARs, nowhere',
    source: `
guest:
  mov   ebx, 0x80001000           ; slot 2
move:
  call  random
  and   eax, 0xfffff000
  mov   ecx, eax
  mov   eax, 0x10
  call  pci_write
  mov   ecx, 0xfee00000
  mov   eax, 0x10
  call  pci_write
  mov   ecx, 0x01000000
  mov   eax, 0x14
  call  pci_write
  mov   ecx, 6
  mov   eax, 4
  call  pci_write
  mov   ecx, 4
  mov   eax, 4
  call  pci_write
  jmp   move
`,
  },
];
