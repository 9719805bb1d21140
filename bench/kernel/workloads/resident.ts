import { layout } from '../layout.ts';
import { nothingToPrepare, type Workload } from '../workload.ts';

const page = 4096;

/** Writes to every page of memory again and again: what a process then occupies beyond that is its own. */
export const resident = (memory: number): Workload => ({
  name: 'resident',
  description: 'touches all memory',
  instructions: 6,
  trial: 20 * ((memory - layout.buffer) / page),
  source: `
${nothingToPrepare}
workload:
  mov   r8d, buffer
  mov   edi, buffer
  mov   esi, ${memory}
  xor   ebx, ebx
.next:
  mov   [rdi], r15
  add   rdi, ${page}
  cmp   rdi, rsi
  cmovae rdi, r8
  dec   r15
  jnz   .next
  jmp   done
`,
});
