/** Guests of several processors that burn time. */
import type { HostileGuest } from '../guest.ts';

const lock = (pause: string): string => `
guest:
  mov   eax, 1
.spin:
  ${pause}
  xchg  [variables], eax
  test  eax, eax
  jnz   .spin
  mov   ecx, 1000
.hold:
  loop  .hold
  mov   dword [variables], 0
  jmp   guest
`;

export const processors: readonly HostileGuest[] = [
  { name: 'lock', does: 'four processors spin on one lock', processors: 4, source: lock('') },
  { name: 'lock-pause', does: 'four processors spin on one lock with PAUSE', processors: 4, source: lock('pause') },
  {
    name: 'four-serial',
    does: 'four processors flood the UART',
    processors: 4,
    source: `
guest:
  mov   dx, 0x3f8
  mov   al, 'x'
.again:
  out   dx, al
  jmp   .again
`,
  },
  {
    name: 'four-outsb',
    does: 'four processors send 64 KiB at a time to the debug port by REP OUTSB',
    processors: 4,
    source: `
guest:
  mov   esi, buffer
  mov   ecx, 0x10000
  mov   dx, 0x402
  rep outsb
  jmp   guest
`,
  },
  {
    name: 'four-modifying',
    does: 'three processors execute code that a fourth changes',
    processors: 4,
    source: `
guest:
  inc   dword [changes + 1]
  jmp   guest
others:
changes:
  mov   eax, 0
  jmp   others
`,
  },
];
