/** What comes before a hostile guest: descriptors, interrupt table, floating point, the other processors. */
import { layout } from './layout.ts';

const { startupPage, rootPointer, started, interrupts, descriptors, variables, stack, buffer, rings } = layout;
const startupCode = startupPage * 0x1000;

const stubs = Array.from({ length: 32 }, (_, vector) => `stub_${vector}:\n  mov al, ${0x80 + vector}\n  jmp broken`);
const gates = Array.from({ length: 32 }, (_, vector) => `  mov esi, stub_${vector}\n  call set_gate`);

export const startup = (processors: number): string => `
variables  equ ${variables}
buffer     equ ${buffer}
rings      equ ${rings}
interrupts equ ${interrupts}
table      equ ${descriptors}
apic       equ 0xfee00000
exit_port  equ 0xf4

bits 64
entry:
  mov   rsp, ${stack}
  cld
  mov   rax, cr3
  mov   [${rootPointer}], rax
  mov   esi, own_descriptors
  mov   edi, table
  mov   ecx, 16
  rep movsq
  mov   edi, interrupts
${gates.join('\n')}
fill_interrupts:
  mov   esi, on_interrupt
  call  set_gate
  cmp   edi, interrupts + 0x1000
  jb    fill_interrupts
  mov   dword [${started}], 1
  call  prepare
  mov   ecx, ${processors - 1}
  jrcxz all_started
  mov   esi, startup_code
  mov   edi, ${startupCode}
  mov   ecx, startup_code_end - startup_code
  rep movsb
  mov   dword [apic + 0x300], 0xc4500     ; INIT to all others
  mov   dword [apic + 0x300], ${0xc4600 + startupPage}    ; SIPI
wait_for_others:
  pause
  cmp   dword [${started}], ${processors}
  jb    wait_for_others
all_started:
  jmp   guest

; Tables and floating point of the processor that runs this.
prepare:
  lgdt  [descriptors_pointer]
  lidt  [interrupts_pointer]
  mov   rax, cr0
  and   eax, ~0xc
  or    eax, 0x22
  mov   cr0, rax
  mov   rax, cr4
  or    eax, 0x600
  mov   cr4, rax
  fninit
  mov   dword [apic + 0xf0], 0x1ff
  mov   r15, 0x9e3779b97f4a7c15
  ret

; The gate at RDI leads to RSI; RDI moves on.
set_gate:
  mov   [rdi], si
  mov   dword [rdi + 2], 0x8e000010
  mov   byte [rdi + 4], 0
  mov   byte [rdi + 5], 0x8e
  mov   eax, esi
  shr   eax, 16
  mov   [rdi + 6], eax
  mov   qword [rdi + 8], 0
  add   rdi, 16
  ret

; The handler of vector EAX is RSI from now on.
set_handler:
  mov   edi, eax
  shl   edi, 4
  add   edi, interrupts
  jmp   set_gate

on_interrupt:
  mov   dword [apic + 0xb0], 0
  iretq

; A guest that meets an exception which it does not want is broken: the machine ends with the vector.
${stubs.join('\n')}
broken:
  mov   dx, exit_port
  out   dx, al
  jmp   broken

; RAX: the next of a series of 64-bit numbers (xorshift, state in R15).
random:
  mov   rax, r15
  shl   rax, 13
  xor   r15, rax
  mov   rax, r15
  shr   rax, 7
  xor   r15, rax
  mov   rax, r15
  shl   rax, 17
  xor   r15, rax
  mov   rax, r15
  ret

; EAX: the word at EBX + EAX of configuration space; and the other way round, ECX goes there.
pci_read:
  mov   dx, 0xcf8
  add   eax, ebx
  out   dx, eax
  mov   dx, 0xcfc
  in    eax, dx
  ret
pci_write:
  mov   dx, 0xcf8
  add   eax, ebx
  out   dx, eax
  mov   dx, 0xcfc
  mov   eax, ecx
  out   dx, eax
  ret

align 8
own_descriptors:
  dq    0
  dq    0
  dq    0x00af9b000000ffff                ; 10 code
  dq    0x00cf93000000ffff                ; 18 data
  dq    0x00cf9b000000ffff                ; 20 code of 32 bits
  dq    0x0000890000000067 + (${variables + 0x800} << 16)   ; 28 task state
  dq    0
  dq    0, 0, 0, 0, 0, 0, 0, 0, 0
descriptors_pointer:
  dw    0x7f
  dq    table
interrupts_pointer:
  dw    0xfff
  dq    interrupts

bits 16
startup_code:
  cli
  xor   ax, ax
  mov   ds, ax
  lgdt  [${startupCode} + startup_pointer - startup_code]
  mov   eax, 0x620
  mov   cr4, eax
  mov   eax, [${rootPointer}]
  mov   cr3, eax
  mov   ecx, 0xc0000080
  rdmsr
  or    eax, 0x100
  wrmsr
  mov   eax, 0x80000033
  mov   cr0, eax
  db    0x66, 0xea
  dd    other_processor
  dw    0x10
startup_pointer:
  dw    0x7f
  dd    table
startup_code_end:

bits 64
other_processor:
  mov   ax, 0x18
  mov   ds, ax
  mov   es, ax
  mov   ss, ax
  mov   eax, 1
  lock xadd [${started}], eax
  and   eax, 3
  shl   eax, 14
  mov   esp, ${stack}
  sub   esp, eax
  call  prepare
  jmp   others
`;
