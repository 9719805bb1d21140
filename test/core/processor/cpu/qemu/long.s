# Executes snippets in 64-bit and compatibility mode, at CPL 0 and 3, and prints to port 0xe9 where and how each of them ended.
# Everything is set up anew before each. GNU as, AT&T syntax; the vectors' entries, the table of snippets and these are appended.
.set kstack, 0x6d800
.text
.code16
start:
  cli
  xor %ax,%ax
  mov %ax,%ds
  mov %ax,%ss
  lgdtl gdtr
  mov %cr0,%eax
  or $1,%eax
  mov %eax,%cr0
  ljmpl $0x48,$prot
.code32
prot:
  mov $0x10,%eax
  mov %ax,%ds
  mov %ax,%es
  mov %ax,%ss
  mov $0x6f000,%esp
  mov $0x60000,%edi
  xor %eax,%eax
  mov $0x1000,%ecx
  rep stosl
  movl $0x61007,0x60000
  movl $0x62007,0x61000
  movl $0x63007,0x62000
  mov $0x63000,%edi
  mov $7,%eax
  mov $512,%ecx
1: mov %eax,(%edi)
  movl $0,4(%edi)
  add $8,%edi
  add $0x1000,%eax
  loop 1b
  movl $0,0x63000+(np >> 12)*8
  movl $(ro|5),0x63000+(ro >> 12)*8
  movl $(sup|3),0x63000+(sup >> 12)*8
  movl $0x80000000,0x63000+(nx >> 12)*8+4
  movl $(supro|1),0x63000+(supro >> 12)*8
  mov $0x63000,%edi
  mov $0x100,%ecx
1: andl $~4,(%edi)
  add $8,%edi
  loop 1b
  mov cr4v,%eax
  mov %eax,%cr4
  mov $0x60000,%eax
  mov %eax,%cr3
  mov $0xc0000080,%ecx
  xor %edx,%edx
  mov $0x901,%eax
  wrmsr
  mov cr0v,%eax
  mov %eax,%cr0
  ljmp $8,$long
.code64
long:
  xor %r15d,%r15d
  movq $0,index
next:
  mov $0x6f000,%rsp
  mov cr0v,%eax
  mov %rax,%cr0
  mov cr4v,%eax
  mov %rax,%cr4
  mov $0x60000,%eax
  mov %rax,%cr3
  mov $0xc0000080,%ecx
  xor %edx,%edx
  mov $0x901,%eax
  wrmsr
  xor %eax,%eax
  mov $0xc0000100,%ecx
  wrmsr
  mov $0xc0000101,%ecx
  wrmsr
  mov $0xc0000102,%ecx
  wrmsr
  mov $0xc0000081,%ecx
  mov $0x001b0008,%edx
  wrmsr
  xor %edx,%edx
  mov $0xc0000082,%ecx
  mov $onsyscall,%eax
  wrmsr
  mov $0xc0000083,%ecx
  mov $onsyscall32,%eax
  wrmsr
  mov $0xc0000084,%ecx
  mov $0x200,%eax
  wrmsr
  mov $0x174,%ecx
  mov $8,%eax
  wrmsr
  mov $0x175,%ecx
  mov $0x6e000,%eax
  wrmsr
  mov $0x176,%ecx
  mov $onsysenter,%eax
  wrmsr
  mov $gdtt,%esi
  mov $0x50000,%edi
  mov $gdtend-gdtt,%ecx
  cld
  rep movsb
  mov $tsst,%esi
  mov $0x52000,%edi
  mov $0x68,%ecx
  rep movsb
  lgdt gdtr2
  lidt idtr
  mov $0x38,%eax
  ltr %ax
  xor %eax,%eax
  lldt %ax
  mov %rax,%fs
  mov %rax,%gs
  mov %rax,%cr2
  mov %rax,%cr8
  mov %rax,%dr0
  mov $0x10,%eax
  mov %eax,%ds
  mov %eax,%es
  mov %eax,%ss
  mov $0x400,%eax
  mov %rax,%dr7
  mov $0xffff0ff0,%eax
  mov %rax,%dr6
  mov $userdata,%edi
  mov $64,%ecx
  mov $0x11223344,%eax
  rep stosl
  movl $0x10,ssdata
  mov index,%eax
  cmp $count,%eax
  jae finish
  shl $4,%eax
  mov table(%rax),%rsi
  mov table+8(%rax),%rdi
  mov %rsi,current
  xor %eax,%eax
  xor %ebx,%ebx
  xor %ecx,%ecx
  xor %edx,%edx
  xor %ebp,%ebp
  xor %r11d,%r11d
  mov $kstack,%rsp
  cmp $0,%rdi
  je 1f
  cmp $1,%rdi
  je 2f
  cmp $2,%rdi
  je 3f
  push $0x48
  push %rsi
  lretq
1: push $2
  popfq
  jmp *%rsi
2: pushq $0x23
  push $ustack
  push $2
  pushq $0x2b
  push %rsi
  iretq
3: mov $0x23,%r8d
  mov %r8d,%ds
  mov %r8d,%es
  pushq $0x23
  push $ustack
  push $2
  pushq $0x1b
  push %rsi
  iretq
finish:
  mov $'E',%al
  out %al,$0xe9
  mov $0x501,%edx
  mov $0x31,%al
  out %al,%dx
1: hlt
  jmp 1b
onsyscall:
  mov %rcx,%rbx
  mov $0x6f000,%rsp
  push $0x77
  jmp sysc
onsyscall32:
  mov %rcx,%rbx
  mov $0x6f000,%rsp
  push $0x78
  jmp sysc
onsysenter:
  mov $0x6f000,%rsp
  push $0x79
sysc:
  pop %rax
  push $0
  push $0
  pushfq
  mov %cs,%rcx
  push %rcx
  push %rbx
  push $0
  push %rax
  jmp common
common:
  mov %rax,save
  mov %rbx,save+8
  mov %rcx,save+16
  mov %rdx,save+24
  mov %dr7,%rax
  mov %rax,save+48
  mov $0x400,%eax
  mov %rax,%dr7
  mov cr0v,%eax
  mov %rax,%cr0
  mov cr4v,%eax
  mov %rax,%cr4
  mov %ds,%eax
  mov %eax,save+32
  mov %fs,%eax
  mov %eax,save+40
  mov $0x10,%eax
  mov %eax,%ds
  mov %eax,%es
  mov index,%eax
  call print
  mov (%rsp),%rax
  call print
  mov 8(%rsp),%rax
  call print
  mov 16(%rsp),%rax
  sub current,%rax
  call print
  mov 24(%rsp),%rax
  call print
  mov 32(%rsp),%rax
  call print
  mov 40(%rsp),%rax
  call print
  mov 48(%rsp),%rax
  call print
  mov %cr2,%rax
  call print
  mov %dr6,%rax
  call print
  mov save+48,%rax
  call print
  mov save,%rax
  call print
  mov save+8,%rax
  call print
  mov save+16,%rax
  call print
  mov save+24,%rax
  call print
  mov save+32,%eax
  call print
  mov save+40,%eax
  call print
  mov userdata,%eax
  call print
  mov %rsp,%rax
  call print
  mov $10,%al
  out %al,$0xe9
  incq index
  jmp next
print:
  mov $60,%ecx
  mov %rax,%rbx
  test %rbx,%rbx
  jnz 1f
  xor %ecx,%ecx
1: cmp $0,%ecx
  je 2f
  mov %rbx,%rax
  shr %cl,%rax
  jnz 2f
  sub $4,%ecx
  jmp 1b
2: mov %rbx,%rax
  shr %cl,%rax
  and $15,%eax
  mov digits(%rax),%al
  out %al,$0xe9
  sub $4,%ecx
  jns 2b
  mov $32,%al
  out %al,$0xe9
  ret
digits: .ascii "0123456789abcdef"
.align 16
cr0v: .long 0x80010033
cr4v: .long 0x620
index: .quad 0
current: .quad 0
save: .quad 0,0,0,0,0,0,0,0
gdtr: .word gdtend-gdtt-1; .long gdtt
gdtr2: .word gdtend-gdtt-1; .quad 0x50000
noncanon: .word 0xff; .quad 0x800000000000
idtr: .word 0xfff; .quad 0x51000
.align 16
gdtt: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff, 0
  .quad 0x0000890520000067, 0 # 38
  .quad 0x00cf9b000000ffff # 48
  .quad 0x0000e2000000000f  # 50 ldt (upper half is next, dpl3)
  .quad 0x00cf73000000ffff # 58: data not present dpl3 (upper of ldt: type bits...)
  .quad 0x00af1b000000ffff # 60 code not present
  .quad 0x00af9f000000ffff # 68 conforming
  .quad 0x00af99000000ffff # 70 execute only
  .quad 0x00cff1000000ffff # 78 read-only data dpl3
  .quad 0x00008c000008cff0 # 80 call gate dpl 0 to 8
  .quad 0 # 88
  .quad 0x0000ec000008cff0 # 90 call gate dpl3
  .quad 0 # 98
  .quad 0x00ef9b000000ffff # a0 L and D
  .quad 0x00afff000000ffff # a8 conforming dpl3
  .quad 0x0040f30000000fff|(0<<16) # b0 small data limit fff byte gran
  .quad 0x0040f70000000fff # b8 expand down
gdtend:
.align 16
tsst: .long 0; .quad 0x6c000,0x6b000,0x6a000; .quad 0; .quad 0x6d000,0,0,0,0,0,0; .quad 0; .word 0; .word 0x68
.align 16
.org 0x5ff0
gate: int $0x60
