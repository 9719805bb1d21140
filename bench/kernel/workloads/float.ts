import { nothingToPrepare, type Workload } from '../workload.ts';

/** Scalar and packed doubles, conversions and comparisons; every value stays finite and small. */
export const float: Workload = {
  name: 'float',
  description: 'SSE2: scalar and packed arithmetic, conversions, comparisons',
  instructions: 31,
  trial: 20_000,
  source: `
${nothingToPrepare}
kept equ variables + 16

workload:
  xor   ebx, ebx
  movsd xmm0, [one]
  pxor  xmm3, xmm3
  pxor  xmm6, xmm6
  pxor  xmm7, xmm7
.next:
  mulsd xmm0, [half]
  addsd xmm0, [addend]
  movapd xmm1, xmm0
  divsd xmm1, [three]
  sqrtsd xmm2, xmm1
  addsd xmm3, xmm2
  cvtsi2sd xmm4, r15d
  mulsd xmm4, [tiny]
  addsd xmm0, xmm4
  subsd xmm4, xmm1
  cvttsd2si rax, xmm3
  add   rbx, rax
  ucomisd xmm0, xmm2
  seta  cl
  movzx ecx, cl
  add   rbx, rcx
  movapd xmm5, [pair]
  addpd xmm6, xmm5
  mulpd xmm6, [pair_of_half]
  unpcklpd xmm4, xmm0
  maxpd xmm6, xmm4
  movapd [kept], xmm6
  paddq xmm7, [kept]
  shufps xmm5, xmm5, 0x4e
  andpd xmm5, xmm6
  cvtsd2ss xmm1, xmm0
  mulss xmm1, xmm1
  cvtss2sd xmm1, xmm1
  addsd xmm3, xmm1
  dec   r15
  jnz   .next
  movq  rax, xmm3
  xor   rbx, rax
  movq  rax, xmm7
  add   rbx, rax
  movq  rax, xmm5
  xor   rbx, rax
  jmp   done

align 16
pair:         dq 0x3ff4000000000000, 0x4002000000000000
pair_of_half: dq 0x3fe0000000000000, 0x3fe0000000000000
one:          dq 0x3ff0000000000000
half:         dq 0x3fe0000000000000
addend:       dq 0x3ff4000000000000
three:        dq 0x4008000000000000
tiny:         dq 0x3d70000000000000
`,
};
