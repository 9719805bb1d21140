import { nothingToPrepare, type Workload } from '../workload.ts';

const depth = 12;
const level = 9;
const innermost = 4;
const loop = 9;
const leaf = 2;

/** A recursion and an indirect call to four functions in turn. */
export const call: Workload = {
  name: 'call',
  description: 'direct, recursive and indirect calls, pushes and pops',
  instructions: loop + depth * level + innermost + leaf,
  trial: 10_000,
  source: `
${nothingToPrepare}
workload:
  xor   ebx, ebx
.next:
  mov   edi, ${depth}
  call  climb
  add   rbx, rax
  mov   ecx, r15d
  and   ecx, 3
  call  [functions + rcx*8]
  add   rbx, rax
  dec   r15
  jnz   .next
  jmp   done

climb:
  test  edi, edi
  jz    .top
  push  rdi
  dec   edi
  call  climb
  pop   rdi
  lea   rax, [rax + rax*2]
  add   rax, rdi
  ret
.top:
  mov   eax, 1
  ret

double:
  add   rax, rax
  ret
invert:
  not   rax
  ret
swap:
  bswap rax
  ret
turn:
  rol   rax, 11
  ret

align 8
functions:
  dq    double, invert, swap, turn
`,
};
