import { nothingToPrepare, type Workload } from '../workload.ts';

/** A random number generator, its numbers mixed; the one branch that depends on them goes either way, over as many instructions. */
export const integer: Workload = {
  name: 'integer',
  description: 'arithmetic, logic, shifts, branches in registers',
  instructions: 28,
  trial: 50_000,
  source: `
${nothingToPrepare}
workload:
  mov   rax, 0x9e3779b97f4a7c15
  xor   ebx, ebx
  mov   edx, 12345
  xor   edi, edi
.next:
  mov   rcx, rax
  shl   rcx, 13
  xor   rax, rcx
  mov   rcx, rax
  shr   rcx, 7
  xor   rax, rcx
  mov   rcx, rax
  shl   rcx, 17
  xor   rax, rcx
  add   rbx, rax
  adc   edx, 0
  lea   esi, [rax + rdx*4 + 7]
  imul  esi, esi, 37
  rol   esi, 5
  sub   edx, esi
  test  al, 1
  jz    .even
  xor   rbx, rdx
  jmp   .join
.even:
  add   rbx, rsi
  inc   edx
.join:
  cmp   esi, edx
  setb  cl
  movzx ecx, cl
  cmova edi, esi
  add   rbx, rcx
  movsx r8d, di
  xor   rbx, r8
  dec   r15
  jnz   .next
  jmp   done
`,
};
