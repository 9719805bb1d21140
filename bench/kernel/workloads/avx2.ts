import type { Workload } from '../workload.ts';

/** Vectors of 256 bits: integers, permutations, fused sums; every number stays finite. */
export const avx2: Workload = {
  name: 'avx2',
  description: 'AVX2 and FMA: integers, shuffles, shifts and fused sums of 256 bits',
  instructions: 27,
  features: ['xsavec', 'avx', 'avx2', 'fma', 'f16c', 'bmi1', 'bmi2'],
  trial: 20_000,
  source: `
prepare:
  mov   rax, cr4
  or    eax, 0x40000
  mov   cr4, rax
  mov   eax, 7
  xor   edx, edx
  xor   ecx, ecx
  xsetbv
  ret

vector equ variables + 32

workload:
  xor   ebx, ebx
  vmovdqa ymm0, [numbers]
  vmovaps ymm8, [factors]
  vmovapd ymm9, [weights]
  vpxor ymm3, ymm3, ymm3
  vxorps ymm6, ymm6, ymm6
  vxorpd ymm7, ymm7, ymm7
.next:
  vpaddd ymm1, ymm0, [numbers]
  vpxor ymm2, ymm1, ymm0
  vpslld ymm4, ymm2, 7
  vpsrld ymm5, ymm2, 25
  vpor  ymm2, ymm4, ymm5
  vpermq ymm0, ymm2, 0x39
  vpshufd ymm4, ymm2, 0x1b
  vpsrlvd ymm5, ymm4, [counts]
  vpaddb ymm3, ymm3, ymm5
  vpsadbw ymm5, ymm3, ymm4
  vpaddq ymm3, ymm3, ymm5
  vmovdqa [vector], ymm3
  vpcmpgtd ymm4, ymm2, ymm3
  vpmovmskb eax, ymm4
  add   rbx, rax
  vcvtdq2ps ymm4, [counts]
  vfmadd231ps ymm6, ymm8, ymm4
  vmulps ymm6, ymm6, ymm8
  vcvtps2pd ymm5, xmm6
  vfmadd213pd ymm7, ymm9, ymm5
  vperm2f128 ymm7, ymm7, ymm7, 1
  vmovupd [vector+1], ymm7
  vunpcklps ymm4, ymm6, ymm4
  vpand ymm0, ymm0, [vector]
  vpor  ymm0, ymm0, ymm2
  dec   r15
  jnz   .next
  vmovq rax, xmm3
  xor   rbx, rax
  vextracti128 xmm1, ymm3, 1
  vmovq rax, xmm1
  add   rbx, rax
  vmovq rax, xmm7
  xor   rbx, rax
  vmovq rax, xmm6
  add   rbx, rax
  vzeroupper
  jmp   done

align 32
numbers: dd 0x12345678, 0x9abcdef0, 0x0fedcba9, 0x87654321, 0x13579bdf, 0x02468ace, 0xfdb97531, 0xeca86420
counts:  dd 3, 7, 1, 12, 5, 9, 2, 17
factors: dd 0x3f000000, 0x3e800000, 0x3f200000, 0x3f400000, 0x3ec00000, 0x3f100000, 0x3e000000, 0x3f300000
weights: dq 0x3fe0000000000000, 0x3fd0000000000000, 0x3fe8000000000000, 0x3fe4000000000000
`,
};
