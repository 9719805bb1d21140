# From real mode through protected mode to 64-bit code, where it counts in a loop and ends the machine by the debug-exit port.
    .code16
    .globl start16, start32, start64, loop64, word
start16:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw $0x1234, %bx
    lgdtl %cs:(gdtr - start16)
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $8, $start32
    .code32
start32:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %ss
    movl $0x9000, %esp
    movl $0x12345678, %ebx
    pushl %ebx
    popl %ecx
    movl $pml4, %eax
    movl %eax, %cr3
    movl $0x620, %eax
    movl %eax, %cr4
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    ljmpl $24, $start64
    .code64
start64:
    movabsq $0x123456789abcdef0, %rbx
    fninit
    fldpi
    movq %rbx, %xmm3
    xorl %ecx, %ecx
loop64:
    incq %rcx
    movq %rcx, word
    cmpq $1000, %rcx
    jb loop64
    movw $0xf4, %dx
    movb $1, %al
    outb %al, %dx
    hlt
    .balign 8
    .type word, @object
    .size word, 8
word: .quad 0
gdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
gdtr: .word 31
    .long gdt
    .balign 4096
pml4: .quad pdpt + 3
    .fill 511, 8, 0
pdpt: .quad pd + 3
    .fill 511, 8, 0
pd: .quad 0x83
    .fill 511, 8, 0
