# Loads a whole user-mode state, jumps to the snippet, and saves the whole state when the snippet comes back.
# Everything is addressed absolutely: no register is free between the two.
        .intel_syntax noprefix
        .bss
        .align 16
        .globl host_stack
host_stack:     .quad 0
clean_mxcsr:    .long 0

        .text
# void enter_snippet(void): runs `before` into `after`.
        .globl enter_snippet
enter_snippet:
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
        mov     [host_stack], rsp
        fxrstor64 [before_fx]
        cmp     dword ptr [has_avx], 0
        je      1f
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vinsertf128 ymm\n, ymm\n, [before_high+16*\n], 1
        .endr
1:
        push    qword ptr [before_rflags]
        popfq
        mov     rax, [before_gpr+0]
        mov     rcx, [before_gpr+8]
        mov     rdx, [before_gpr+16]
        mov     rbx, [before_gpr+24]
        mov     rbp, [before_gpr+40]
        mov     rsi, [before_gpr+48]
        mov     rdi, [before_gpr+56]
        mov     r8,  [before_gpr+64]
        mov     r9,  [before_gpr+72]
        mov     r10, [before_gpr+80]
        mov     r11, [before_gpr+88]
        mov     r12, [before_gpr+96]
        mov     r13, [before_gpr+104]
        mov     r14, [before_gpr+112]
        mov     r15, [before_gpr+120]
        mov     rsp, [before_gpr+32]
        jmp     fword ptr [entry_pointer]

# Every snippet is followed by a jump to here.
        .globl leave_snippet
leave_snippet:
        mov     [after_gpr+0], rax
        mov     [after_gpr+8], rcx
        mov     [after_gpr+16], rdx
        mov     [after_gpr+24], rbx
        mov     [after_gpr+32], rsp
        mov     [after_gpr+40], rbp
        mov     [after_gpr+48], rsi
        mov     [after_gpr+56], rdi
        mov     [after_gpr+64], r8
        mov     [after_gpr+72], r9
        mov     [after_gpr+80], r10
        mov     [after_gpr+88], r11
        mov     [after_gpr+96], r12
        mov     [after_gpr+104], r13
        mov     [after_gpr+112], r14
        mov     [after_gpr+120], r15
        mov     rsp, [host_stack]
        pushfq
        pop     qword ptr [after_rflags]
        fxsave64 [after_fx]
        cmp     dword ptr [has_avx], 0
        je      2f
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vextractf128 [after_high+16*\n], ymm\n, 1
        .endr
2:
# The signal handler resumes here after it has saved the state at the fault.
        .globl abandon_snippet
abandon_snippet:
        push    0x202
        popfq
        fninit
        mov     dword ptr [clean_mxcsr], 0x1f80
        ldmxcsr [clean_mxcsr]
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
        ret
        .section .note.GNU-stack,"",@progbits
