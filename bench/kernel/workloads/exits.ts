import { nothingToPrepare, type Workload } from '../workload.ts';

const reads = 8;

/** Reads of COM1's scratch register: under a hypervisor each is an exit to the program that emulates the port. */
export const exits: Workload = {
  name: 'exits',
  description: 'IN from an emulated port',
  instructions: reads + 4,
  operations: { name: 'port access', count: reads },
  trial: 500,
  source: `
${nothingToPrepare}
workload:
  xor   ebx, ebx
  xor   eax, eax
  mov   edx, com1 + 7
  out   dx, al
.next:
  mov   eax, r15d
  out   dx, al
  times ${reads - 1} in al, dx
  add   rbx, rax
  dec   r15
  jnz   .next
  jmp   done
`,
};
