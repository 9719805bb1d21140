import type { Workload } from '../workload.ts';

/** A user program that calls the kernel all the time; the kernel switches stacks as real ones do. */
export const systemCall: Workload = {
  name: 'syscall',
  description: 'SYSCALL from user mode, SYSRET back',
  instructions: 22,
  operations: { name: 'system call', count: 1 },
  trial: 10_000,
  source: `
prepare:
  mov   ecx, 0xc0000082           ; LSTAR
  mov   eax, system_entry
  xor   edx, edx
  wrmsr
  ret

workload:
  xor   ebx, ebx
  mov   ecx, program
  mov   r11d, 2
  mov   rsp, user_stack
  sysretq

program:
  mov   eax, 1
  mov   edi, r15d
  syscall
  add   rbx, rax
  dec   r15
  jnz   program
  xor   eax, eax
  syscall

system_entry:
  swapgs
  mov   gs:[8], rsp
  mov   rsp, gs:[0]
  push  rcx
  push  r11
  test  eax, eax
  jz    .exit
  call  serve
  pop   r11
  pop   rcx
  mov   rsp, gs:[8]
  swapgs
  sysretq
.exit:
  swapgs
  jmp   done

serve:
  lea   rax, [rdi + rdi*2]
  xor   rax, 0x55
  ret
`,
};
