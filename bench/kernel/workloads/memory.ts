import { nothingToPrepare, type Workload } from '../workload.ts';

/** Loads, stores and updates of all sizes: some at random, some in order, all inside the first `size` bytes of the buffer. */
const source = (size: number): string => `
${nothingToPrepare}
workload:
  mov   edi, buffer
  mov   r8, 6364136223846793005
  mov   r9, 1442695040888963407
  mov   rax, r9
  xor   ebx, ebx
  xor   esi, esi
.next:
  imul  rax, r8
  add   rax, r9
  mov   rcx, rax
  shr   rcx, 33
  and   ecx, ${size - 8}
  mov   rdx, [rdi + rcx]
  add   rbx, rdx
  mov   [rdi + rcx], rax
  add   [rdi + rsi], eax
  mov   r10, [rdi + rsi]
  mov   [rdi + rsi + 16], r10
  movzx r11d, byte [rdi + rsi + 17]
  mov   [rdi + rsi + 25], r11b
  mov   [rdi + rsi + 26], cx
  add   rbx, r11
  add   esi, 32
  and   esi, ${size - 32}
  dec   r15
  jnz   .next
  jmp   done
`;

export const memory: Workload = {
  name: 'memory',
  description: 'loads, stores and updates within 1 MiB',
  instructions: 19,
  trial: 50_000,
  source: source(0x10_0000),
};

export const scatter: Workload = {
  name: 'scatter',
  description: 'the same within 16 MiB: TLB misses',
  instructions: 19,
  trial: 50_000,
  source: source(0x100_0000),
};
