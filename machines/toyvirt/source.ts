/**
 * A small 64-bit kernel in assembly (Intel syntax), the counterpart of NVMM's smallkern. It enters in 32-bit protected mode, makes
 * its own page tables, goes to long mode, and says on the console port what it finds. It ends through the debug-exit port: with 0,
 * or with the number of the check that failed.
 */
export const source = `
console     equ 123
exitport    equ 0xf4
apic        equ 0xfee00000
pml4        equ 0x1000
pdpt        equ 0x2000
pd_low      equ 0x3000
pd_high     equ 0x4000
idt         equ 0x6000
stack_top   equ 0x90000

bits 32
start:
  mov   esp, stack_top

  ; Page tables: the first 4 MiB in 2 MiB pages, and the page of the local APIC.
  mov   edi, pml4
  xor   eax, eax
  mov   ecx, 0x1800
  cld
  rep stosd
  mov   dword [pml4], pdpt + 3
  mov   dword [pdpt], pd_low + 3
  mov   dword [pdpt + 24], pd_high + 3
  mov   dword [pd_low], 0x000083
  mov   dword [pd_low + 8], 0x200083
  mov   dword [pd_high + 0xfb8], 0xfee00083

  ; Long mode: PAE, the root, EFER.LME, paging.
  mov   eax, cr4
  or    eax, 0x20
  mov   cr4, eax
  mov   eax, pml4
  mov   cr3, eax
  mov   ecx, 0xc0000080
  rdmsr
  or    eax, 0x100
  wrmsr
  mov   eax, cr0
  or    eax, 0x80000000
  mov   cr0, eax
  lgdt  [gdt_pointer]
  db    0xea                ; far jump to selector 8
  dd    long_mode
  dw    8

align 8
gdt:
  dq    0
  dq    0x00af9a000000ffff
  dq    0x00cf92000000ffff
gdt_pointer:
  dw    23
  dd    gdt

bits 64
long_mode:
  mov   ax, 0x10
  mov   ds, ax
  mov   es, ax
  mov   ss, ax
  mov   rsp, stack_top

  ; Interrupt table: every vector to 'unexpected', then the few that are expected.
  mov   edi, idt
  mov   ecx, 256
  mov   esi, unexpected
fill_idt:
  call  set_gate
  add   edi, 16
  dec   ecx
  jnz   fill_idt
  mov   edi, idt + 3 * 16
  mov   esi, on_breakpoint
  call  set_gate
  mov   edi, idt + 13 * 16
  mov   esi, on_protection
  call  set_gate
  mov   edi, idt + 14 * 16
  mov   esi, on_page_fault
  call  set_gate
  mov   edi, idt + 0x40 * 16
  mov   esi, on_timer
  call  set_gate
  lidt  [idt_pointer]

  mov   esi, text_hello
  call  print

  ; Port I/O: a string at once.
  mov   esi, text_ports
  mov   ecx, text_ports_end - text_ports
  mov   dx, console
  cld
  rep outsb
  in    al, dx
  cmp   al, 0xe9
  mov   bl, 2
  jne   failed
  mov   esi, text_ok
  call  print

  ; CPUID: the vendor.
  mov   esi, text_cpuid
  call  print
  xor   eax, eax
  cpuid
  mov   [vendor], ebx
  mov   [vendor + 4], edx
  mov   [vendor + 8], ecx
  mov   esi, vendor
  call  print
  mov   esi, text_newline
  call  print

  ; MSRs: one that the processor keeps, one that the board has.
  mov   esi, text_msr
  call  print
  mov   ecx, 0xc0000102
  mov   eax, 0x12345678
  mov   edx, 0xffff8000
  wrmsr
  xor   eax, eax
  xor   edx, edx
  rdmsr
  mov   bl, 3
  cmp   eax, 0x12345678
  jne   failed
  cmp   edx, 0xffff8000
  jne   failed
  mov   ecx, 0x1b
  rdmsr
  mov   bl, 4
  and   eax, 0xfffff800
  cmp   eax, apic + 0x800
  jne   failed
  mov   esi, text_ok
  call  print

  ; MMIO: the local APIC, by several instructions.
  mov   esi, text_mmio
  call  print
  mov   ebp, apic
  mov   eax, [rbp + 0x30]
  mov   bl, 5
  and   eax, 0xf0
  cmp   eax, 0x10
  jne   failed
  mov   dword [rbp + 0xf0], 0xff
  or    dword [rbp + 0xf0], 0x100
  mov   bl, 6
  mov   eax, [rbp + 0xf0]
  cmp   eax, 0x1ff
  jne   failed
  mov   eax, 0x50
  xchg  [rbp + 0x80], eax
  mov   bl, 7
  test  eax, eax
  jnz   failed
  cmp   dword [rbp + 0x80], 0x50
  jne   failed
  and   dword [rbp + 0x80], 0
  mov   esi, text_ok
  call  print

  ; Exceptions: a trap, a general protection fault and a page fault, each handled and counted.
  mov   esi, text_exceptions
  call  print
  int3
  mov   bl, 8
  cmp   byte [breakpoints], 1
  jne   failed
  mov   qword [resume], after_protection
  mov   rax, 0x1234000000000000
  mov   rax, [rax]
after_protection:
  mov   bl, 9
  cmp   byte [protections], 1
  jne   failed
  mov   qword [resume], after_fault
  mov   byte [0x40000000], 1
after_fault:
  mov   bl, 10
  cmp   byte [faults], 1
  jne   failed
  mov   rax, cr2
  cmp   rax, 0x40000000
  jne   failed
  cmp   qword [fault_code], 2
  jne   failed
  mov   esi, text_ok
  call  print

  ; Paging: another mapping of the same page, made now.
  mov   esi, text_paging
  call  print
  mov   dword [pd_low + 16], 0x83
  mov   eax, 0x400000 + alias
  mov   byte [rax], 77
  mov   bl, 11
  cmp   byte [alias], 77
  jne   failed
  mov   dword [pd_low + 16], 0
  invlpg [rax]
  mov   qword [resume], after_unmap
  mov   byte [rax], 78
after_unmap:
  mov   bl, 12
  cmp   byte [faults], 2
  jne   failed
  cmp   byte [alias], 77
  jne   failed
  mov   esi, text_ok
  call  print

  ; An interrupt: the APIC's timer, once, while halted.
  mov   esi, text_interrupt
  call  print
  mov   dword [rbp + 0x3e0], 0xb
  mov   dword [rbp + 0x320], 0x40
  mov   dword [rbp + 0x380], 10000
  sti
wait_timer:
  hlt
  cmp   byte [ticks], 1
  jne   wait_timer
  cli
  mov   esi, text_ok
  call  print

  mov   esi, text_bye
  call  print
  xor   eax, eax
  mov   dx, exitport
  out   dx, al
  hlt

; The check that failed is in BL.
failed:
  mov   esi, text_failed
  call  print
  mov   al, bl
  mov   dx, exitport
  out   dx, al
  hlt

; Prints the zero-terminated text at RSI.
print:
  mov   dx, console
print_next:
  lodsb
  test  al, al
  jz    print_done
  out   dx, al
  jmp   print_next
print_done:
  ret

; Interrupt gate at RDI to RSI (below 4 GiB).
set_gate:
  mov   eax, esi
  mov   [rdi], ax
  mov   word [rdi + 2], 8
  mov   word [rdi + 4], 0x8e00
  shr   eax, 16
  mov   [rdi + 6], ax
  mov   qword [rdi + 8], 0
  ret

on_breakpoint:
  inc   byte [breakpoints]
  iretq

on_protection:
  inc   byte [protections]
  add   rsp, 8
  push  rax
  mov   rax, [resume]
  mov   [rsp + 8], rax
  pop   rax
  iretq

on_page_fault:
  inc   byte [faults]
  pop   qword [fault_code]
  push  rax
  mov   rax, [resume]
  mov   [rsp + 8], rax
  pop   rax
  iretq

on_timer:
  inc   byte [ticks]
  mov   dword [rbp + 0xb0], 0
  iretq

unexpected:
  mov   bl, 1
  jmp   failed

align 8
idt_pointer:
  dw    0xfff
  dq    idt
resume:       dq 0
fault_code:   dq 0
breakpoints:  db 0
protections:  db 0
faults:       db 0
ticks:        db 0
alias:        db 0
vendor:       dq 0
              dd 0
              db 0
text_hello:       db "toy kernel: long mode", 10, 0
text_ports:       db "port I/O: "
text_ports_end:
text_cpuid:       db "CPUID: ", 0
text_msr:         db "MSRs: ", 0
text_mmio:        db "MMIO: ", 0
text_exceptions:  db "exceptions: ", 0
text_paging:      db "paging: ", 0
text_interrupt:   db "interrupt: ", 0
text_ok:          db "ok"
text_newline:     db 10, 0
text_bye:         db "all well", 10, 0
text_failed:      db "FAILED", 10, 0
`;
