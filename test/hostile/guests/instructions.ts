/** Guests that execute the slowest instructions there are. */
import type { HostileGuest } from '../guest.ts';

const repeats = (name: string, does: string, instructions: string, before = ''): HostileGuest => ({
  name,
  does,
  source: `
guest:
  ${before}
slowest:
${instructions}
  jmp   slowest
`,
});

export const instructions: readonly HostileGuest[] = [
  repeats(
    'x87',
    'FSIN, FPATAN, FYL2X, FPREM, FBSTP, FBLD',
    `
  fldpi
  fsin
  fldpi
  fpatan
  fld1
  fldl2t
  fyl2x
  fldpi
  fprem
  fbstp [variables]
  fbld  [variables]
  fstp  st0
  fstp  st0`,
  ),
  repeats('fxsave', 'FXSAVE and FXRSTOR', '  fxsave [variables]\n  fxrstor [variables]'),
  repeats('div', 'DIV of 128 by 64 bits', '  mov edx, 0x12345\n  mov rax, r15\n  mov rbx, 0x123456789ab\n  div rbx'),
  repeats('cpuid', 'CPUID', '  xor eax, eax\n  cpuid'),
  repeats('rdtsc', 'RDTSC', '  rdtsc'),
  repeats('wbinvd', 'WBINVD and INVD', '  wbinvd\n  invd'),
  repeats(
    'cr3',
    'MOV CR3, which empties the TLB, and a look at 64 pages',
    `
  mov   cr3, rax
  mov   edi, buffer
  mov   ecx, 64
.touch:
  mov   ebx, [rdi]
  add   edi, 0x200000
  and   edi, 0x3ffffff
  loop  .touch`,
    'mov rax, cr3',
  ),
  repeats(
    'cr0-cr4',
    'MOV CR0 and CR4, which change modes of paging',
    `
  mov   rax, cr0
  xor   eax, 0x10000
  mov   cr0, rax
  mov   rax, cr4
  xor   eax, 0x80
  mov   cr4, rax`,
  ),
  repeats('invlpg', 'INVLPG of a page that was just used', '  mov eax, [rdi]\n  invlpg [rdi]', 'mov edi, buffer'),
  repeats(
    'ltr',
    'LTR, LGDT, LIDT and segment registers',
    `
  and   byte [table + 0x2d], 0xfd
  mov   eax, 0x28
  ltr   ax
  lgdt  [descriptors_pointer]
  lidt  [interrupts_pointer]
  mov   eax, 0x18
  mov   ds, ax
  mov   fs, ax`,
  ),
  repeats(
    'efer',
    'WRMSR of EFER',
    `
  rdmsr
  xor   eax, 0x800
  wrmsr`,
    'mov ecx, 0xc0000080',
  ),
  repeats(
    'apic-base',
    'WRMSR of the APIC base, which moves its page',
    `
  mov   ecx, 0x1b
  rdmsr
  xor   eax, 0x01000000
  wrmsr`,
  ),
  repeats(
    'far-calls',
    'far calls and returns',
    `
  push  0x10
  push  .here
  retfq
.here:`,
  ),
  repeats(
    'rep-movs',
    'REP MOVSB of 16 MiB within RAM, one byte off',
    `
  mov   esi, buffer
  mov   edi, buffer + 1
  mov   ecx, 0x1000000
  rep movsb`,
  ),
  repeats(
    'rep-scas',
    'REPE SCASB and CMPSB over 32 MiB',
    `
  mov   edi, buffer
  xor   eax, eax
  mov   ecx, 0x2000000
  repe scasb
  mov   esi, buffer
  mov   edi, buffer
  mov   ecx, 0x2000000
  repe cmpsb`,
  ),
  repeats(
    'fast-then-slow',
    'millions of the fastest instructions, then CPUID and x87, in turns that double',
    `
  mov   ecx, [variables]
  add   ecx, ecx
  and   ecx, 0xfffff
  or    ecx, 0x100
  mov   [variables], ecx
.fast:
  lea   eax, [rax + rax * 2 + 1]
  loop  .fast
  mov   ecx, [variables]
  shr   ecx, 4
.slow:
  mov   esi, ecx
  xor   eax, eax
  cpuid
  mov   dx, 0x3fd
  in    al, dx
  mov   ecx, esi
  fldpi
  fsin
  fstp  st0
  loop  .slow`,
  ),
];
