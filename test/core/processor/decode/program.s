# A program with labels near and far, for our assembler and for GNU as: both must make the same bytes of it.
.intel_syntax noprefix
.code64
limit = 100
start:
  cli
  lea rsp, [rip+stack_top]
  mov rdi, offset message
  xor ecx, ecx
next:
  mov al, byte ptr [rdi+rcx]
  test al, al
  jz done
  mov dx, 0xe9
  out dx, al
  inc ecx
  jmp next
done:
  call far_away
  jmp far_away
  lea rsi, [rip+table]
  mov rax, qword ptr [rsi+8]
  mov eax, dword ptr [table]
  mov ebx, dword ptr [table+rcx*8]
  cmp eax, limit
  jne start
  push offset message
  loop next
  jrcxz done
  mov word ptr [rip+counter], 7
  hlt
message: .asciz "hello, world\n"
counter: .word 0, 1, -1
  .balign 8, 0xcc
table: .quad start, done, far_away
  .long 0x12345678, message - start
  .byte 'a', 255, limit
  .skip 200
far_away:
  mov rax, cr0
  or eax, 0x80000000
  mov cr0, rax
  jmp start
  je done
.code32
protected:
  mov eax, dword ptr [counter]
  ljmp 8, 0x100000
  jmp protected
.code16
real:
  mov ax, word ptr [bx+si+4]
  jmp real
  .space 16, 0xcc
stack_top:
