/**
 * What the kernel says on COM1: the control character STX when the workload begins, ETX when it has ended, then two numbers of 16
 * hexadecimal digits: its checksum and the time-stamp counter's difference. Then it leaves through the debug-exit port.
 */
export const report = `
started equ variables
mark_start:
  mov   al, 2
  call  send
  rdtsc
  shl   rdx, 32
  or    rax, rdx
  mov   [started], rax
  ret

; The workload is done; its checksum is in RBX.
done:
  rdtsc
  shl   rdx, 32
  or    rax, rdx
  sub   rax, [started]
  mov   rbp, rax
  mov   rsp, kernel_stack
  mov   al, 3
  call  send
  mov   r8, rbx
  call  send_number
  mov   r8, rbp
  call  send_number
  mov   al, 10
  call  send
  xor   eax, eax
exit:
  mov   edx, exit_port
  out   dx, al
halt:
  hlt
  jmp   halt

; An exception that no workload asked for.
unexpected:
  mov   al, '!'
  call  send
  mov   al, 1
  jmp   exit

; R8 as 16 digits.
send_number:
  mov   ecx, 16
.next:
  rol   r8, 4
  mov   eax, r8d
  and   eax, 15
  mov   al, [digits + rax]
  call  send
  dec   ecx
  jnz   .next
  ret

; The byte AL.
send:
  push  rax
  mov   edx, com1 + 5
.wait:
  in    al, dx
  test  al, 0x20
  jz    .wait
  pop   rax
  mov   edx, com1
  out   dx, al
  ret

digits:  db "0123456789abcdef"
`;
