/** From the PVH entry (32-bit protected mode, no paging) to 64-bit mode with descriptors, page tables and system calls. */
import { layout } from './layout.ts';

const { level4, level3, identity, windowLevel2, windowLevel1, interrupts, perProcessor, userStack, stack, window } =
  layout;

const tables = 0x9000;

export const startup = `
com1         equ 0x3f8
exit_port    equ 0xf4
kernel_stack equ ${stack}
buffer       equ ${layout.buffer}
variables    equ ${layout.variables}
user_stack   equ ${userStack}
window       equ ${window}
window_table equ ${windowLevel1}

bits 32
entry:
  cli
  cld
  mov   esp, kernel_stack
  mov   edi, ${level4}
  xor   eax, eax
  mov   ecx, ${tables / 4}
  rep stosd

  mov   dword [${level4}], ${level3 + 7}
  mov   dword [${level3}], ${identity + 7}
  mov   dword [${level3 + 8 * (window >>> 30)}], ${windowLevel2 + 7}
  mov   dword [${windowLevel2}], ${windowLevel1 + 7}
  mov   edi, ${identity}
  mov   eax, 0x87                 ; present, writable, user, 2 MiB
map_next:
  mov   [edi], eax
  add   eax, 0x200000
  add   edi, 8
  cmp   edi, ${identity + 0x1000}
  jb    map_next

  mov   eax, cr4
  or    eax, 0x620                ; PAE, OSFXSR, OSXMMEXCPT
  mov   cr4, eax
  mov   eax, ${level4}
  mov   cr3, eax
  mov   ecx, 0xc0000080           ; EFER: LME, SCE
  rdmsr
  or    eax, 0x101
  wrmsr
  mov   eax, cr0
  and   eax, ~0xc                 ; EM, TS
  or    eax, 0x80010022           ; PG, WP, NE, MP
  mov   cr0, eax
  lgdt  [descriptors_pointer]
  db    0xea
  dd    long_mode
  dw    8

align 8
descriptors:
  dq    0
  dq    0x00af9b000000ffff        ; 08 kernel code
  dq    0x00cf93000000ffff        ; 10 kernel data
  dq    0                         ; 18 where SYSRET counts from
  dq    0x00cff3000000ffff        ; 20 user data
  dq    0x00affb000000ffff        ; 28 user code
descriptors_pointer:
  dw    47
  dd    descriptors

bits 64
long_mode:
  mov   ax, 0x10
  mov   ds, ax
  mov   es, ax
  mov   ss, ax
  mov   rsp, kernel_stack
  fninit
  lidt  [interrupts_pointer]
  mov   edi, ${interrupts}
  mov   ecx, 32
fill_interrupts:
  mov   esi, unexpected
  call  set_gate
  add   edi, 16
  dec   ecx
  jnz   fill_interrupts

  mov   ecx, 0xc0000081           ; STAR
  xor   eax, eax
  mov   edx, 0x00180008
  wrmsr
  mov   ecx, 0xc0000084           ; SFMASK: IF, DF, TF
  mov   eax, 0x700
  xor   edx, edx
  wrmsr
  mov   ecx, 0xc0000102           ; KERNEL_GS_BASE
  mov   eax, ${perProcessor}
  wrmsr
  mov   qword [${perProcessor}], kernel_stack

  call  prepare
  call  mark_start
  mov   r15, iterations
  jmp   workload

; Interrupt gate at RDI to RSI.
set_gate:
  mov   eax, esi
  mov   [rdi], ax
  mov   word [rdi + 2], 8
  mov   word [rdi + 4], 0x8e00
  shr   eax, 16
  mov   [rdi + 6], ax
  ret

interrupts_pointer:
  dw    0x1ff
  dq    ${interrupts}
`;
