# The same in 32-bit protected mode and virtual-8086 mode (IOPL 0 and 3).
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
  ljmpl $8,$prot
.code32
prot:
  mov $0x10,%eax
  mov %ax,%ds
  mov %ax,%es
  mov %ax,%ss
  movl $0,index
next:
  mov $0x6f000,%esp
  mov $0x33,%eax
  mov %eax,%cr0
  mov cr4v,%eax
  mov %eax,%cr4
  mov $0x10,%eax
  mov %eax,%ds
  mov %eax,%es
  mov %eax,%ss
  xor %eax,%eax
  mov %eax,%fs
  mov %eax,%gs
  mov %eax,%cr2
  mov %eax,%dr0
  mov $0x400,%eax
  mov %eax,%dr7
  mov $0xffff0ff0,%eax
  mov %eax,%dr6
  pushl $2
  popf
  cld
  mov $gdtt,%esi
  mov $0x50000,%edi
  mov $gdtend-gdtt,%ecx
  rep movsb
  mov $tsst,%esi
  mov $0x52000,%edi
  mov $tssend-tsst,%ecx
  rep movsb
  mov $ldtt,%esi
  mov $0x53000,%edi
  mov $24,%ecx
  rep movsb
  lgdt gdtr2
  lidt idtr
  mov $0x38,%eax
  ltr %ax
  mov $0x50,%eax
  lldt %ax
  mov $0xc0000080,%ecx
  xor %edx,%edx
  mov $1,%eax
  wrmsr
  mov $0xc0000081,%ecx
  mov $0x001b0008,%edx
  mov $onsyscall,%eax
  wrmsr
  xor %edx,%edx
  mov $0x174,%ecx
  mov $8,%eax
  wrmsr
  mov $0x175,%ecx
  mov $0x6e000,%eax
  wrmsr
  mov $0x176,%ecx
  mov $onsysenter,%eax
  wrmsr
  mov $userdata,%edi
  mov $64,%ecx
  mov $0x11223344,%eax
  rep stosl
  mov index,%eax
  cmp $count,%eax
  jae finish
  mov table(,%eax,8),%esi
  mov table+4(,%eax,8),%edi
  mov %esi,current
  xor %eax,%eax
  xor %ebx,%ebx
  xor %ecx,%ecx
  xor %edx,%edx
  xor %ebp,%ebp
  mov $kstack,%esp
  cmp $0,%edi
  je 1f
  cmp $1,%edi
  je 2f
  push $0
  push $0
  push $0x2000
  push $0x2000
  push $0x2300
  push $0xf00
  cmp $3,%edi
  je 3f
  push $0x20002
  jmp 5f
3: push $0x23002
5: push $0x3000
  sub $0x30000,%esi
  mov %esi,current
  push %esi
  iret
1: pushl $2
  popf
  jmp *%esi
2: mov $0x23,%edi
  mov %edi,%ds
  mov %edi,%es
  pushl $0x23
  pushl $ustack
  pushl $2
  pushl $0x1b
  pushl %esi
  iret
finish:
  mov $'E',%al
  out %al,$0xe9
  mov $0x501,%edx
  mov $0x31,%al
  out %al,%dx
1: hlt
  jmp 1b
onsyscall:
  mov $0x6f000,%esp
  push %ecx
  mov $0x77,%ebx
  jmp sysc
onsysenter:
  mov $0x6f000,%esp
  push $0
  mov $0x79,%ebx
sysc:
  pop %eax
  pushf
  mov %cs,%ecx
  push %ecx
  push %eax
  push $0
  push %ebx
  jmp common
gate: push $0; push $0x99; jmp common2
task2: mov $0x10,%ebp; mov %ebp,%ds; pushf; push %cs; push $0; push $0; push $0x98; jmp common
common2:
  mov %eax,%ss:save
  mov 8(%esp),%eax
  jmp common
common:
  mov %eax,%ss:save2
  mov %ds,%eax
  push %eax
  mov $0x10,%eax
  mov %eax,%ds
  pop save+16
  mov save2,%eax
  mov %eax,save
  mov %ebx,save+4
  mov %ecx,save+8
  mov %edx,save+12
  mov %es,%eax
  mov %eax,save+20
  mov $0x10,%eax
  mov %eax,%es
  mov index,%eax
  call print
  mov (%esp),%eax
  call print
  mov 4(%esp),%eax
  call print
  mov 8(%esp),%eax
  sub current,%eax
  call print
  mov 12(%esp),%eax
  and $0xffff,%eax
  call print
  mov 16(%esp),%eax
  call print
  mov 20(%esp),%eax
  call print
  mov 24(%esp),%eax
  and $0xffff,%eax
  call print
  mov %dr6,%eax
  call print
  mov save,%eax
  call print
  mov save+4,%eax
  call print
  mov save+8,%eax
  call print
  mov save+12,%eax
  call print
  mov save+16,%eax
  and $0xffff,%eax
  call print
  mov save+20,%eax
  and $0xffff,%eax
  call print
  mov userdata,%eax
  call print
  str %eax
  call print
  mov %esp,%eax
  call print
  mov 0x50000+0x40+4,%eax
  call print
  mov $10,%al
  out %al,$0xe9
  incl index
  jmp next
print:
  mov $28,%ecx
  mov %eax,%ebx
1: mov %ebx,%eax
  shr %cl,%eax
  jnz 2f
  sub $4,%ecx
  jns 1b
  xor %ecx,%ecx
2: mov %ebx,%eax
  shr %cl,%eax
  and $15,%eax
  mov digits(%eax),%al
  out %al,$0xe9
  sub $4,%ecx
  jns 2b
  mov $32,%al
  out %al,$0xe9
  ret
digits: .ascii "0123456789abcdef"
.align 16
cr4v: .long 0x600
index: .long 0
current: .long 0
save: .long 0,0,0,0,0,0,0,0
save2: .long 0
cg3ptr: .long 0; .word 0x80
tssptr: .long 0; .word 0x40
gdtr: .word gdtend-gdtt-1; .long gdtt
gdtr2: .word gdtend-gdtt-1; .long 0x50000
idtr: .word 0x7ff; .long 0x51000
.align 16
gdtt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
  .quad 0x00009b007000ffff, 0x000093000000ffff # 28 k16 base 7000, 30
  .quad 0x000089052000207f # 38 tss
  .quad 0x0000e90524000067 # 40 tss2 dpl3
  .quad 0x000083052500002b # 48 tss16
  .quad 0x0000820530000017 # 50 ldt
  .quad 0x00cf73000000ffff # 58
  .quad 0x00cf1b000000ffff # 60
  .quad 0x00cf9f000000ffff # 68
  .quad 0x00cf99000000ffff # 70
  .quad 0x00cff1000000ffff # 78
  .quad 0x00008c000008cff0 # 80 cg0
  .quad 0x0000ec000008cff0 # 88 cg3
  .quad 0x0000e4000008cff0 # 90 cg16
  .quad 0x0000ec000010cff0 # 98 bad target
  .quad 0x00006c000008cff0 # a0 np
  .quad 0x00cfff000000ffff # a8 conf3
  .quad 0x0000e50000400000 # b0 task gate to tss2
  .quad 0x00008b0525000067 # b8 busy tss
  .quad 0x0000650000400000 # c0 task gate np
  .quad 0x0000ec000068cff0 # c8 call gate to conforming
  .quad 0x0000ec020008cff0 # d0 call gate with 2 params
  .quad 0x0040f7000000ffff # d8 expand down
  .quad 0x0000ec000038cff0 # e0 gate to tss
gdtend:
ldtt: .quad 0,0x00cf93000000ffff,0x00cff3000000ffff
.align 16
tsst: .long 0,0x6c000,0x10,0x6b000,0x11,0x6a000,0x12,0; .long 0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0; .word 0,0x88
  .fill 32,1,0 # redirection map at 0x68
  .org tsst+0x88
  .fill 16,1,0
  .byte 2,0xff # ports 80-87: 81 denied
  .org tsst+0x400
  .long 0,0x6c000,0x10,0,0,0,0,0
  .long task2, 2, 0x1,0x2,0x3,0x4,0x6a800,0x5,0x6,0x7
  .long 0x10,8,0x10,0x10,0,0,0x50
  .word 0,0x68
  .org tsst+0x500
  .fill 64,1,0
tssend:
.align 16
.org 0x5ff0
  jmp gate
