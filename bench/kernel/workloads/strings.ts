import type { Workload } from '../workload.ts';

const elements = { movsb: 1000, movsq: 512, stosd: 1024, cmpsb: 800, scasb: 700 } as const;
const others = 18;

/** Processors count a repeated instruction once, however many elements it has. */
export const repeated = {
  instructions: Object.keys(elements).length,
  elements: Object.values(elements).reduce((sum, count) => sum + count, 0),
};

/** Repeated string instructions over a few KiB, as a C library's memcpy, memset, memcmp and strlen would use them. */
export const strings: Workload = {
  name: 'string',
  description: 'repeated MOVS, STOS, CMPS and SCAS (MIPS: elements)',
  instructions: repeated.elements + others,
  trial: 500,
  source: `
source       equ buffer
target       equ buffer + 0x20000
prepare:
  mov   edi, source
  mov   eax, 0x01010101
.next:
  mov   [rdi], eax
  add   eax, 0x01030507
  or    eax, 0x01010101
  add   edi, 4
  cmp   edi, source + 0x4000
  jb    .next
  ret

workload:
  xor   ebx, ebx
.next:
  mov   esi, source + 3
  mov   edi, target
  mov   ecx, ${elements.movsb}
  rep movsb
  mov   esi, source + 3
  mov   edi, target
  mov   ecx, ${elements.cmpsb}
  repe cmpsb
  lea   rbx, [rbx + rcx + 1]
  mov   esi, target
  mov   edi, target + 0x4000
  mov   ecx, ${elements.movsq}
  rep movsq
  mov   eax, r15d
  mov   ecx, ${elements.stosd}
  rep stosd
  xor   eax, eax
  mov   edi, target
  mov   ecx, ${elements.scasb}
  repne scasb
  add   rbx, rdi
  dec   r15
  jnz   .next
  jmp   done
`,
};
