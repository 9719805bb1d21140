/** Guests that are hypervisors or wait as only some processors can; on the accelerator that offers it. */
import { amd } from '#core';
import type { HostileGuest } from '../guest.ts';

const accelerators = ['software'];

export const nested: readonly HostileGuest[] = [
  {
    name: 'mwait',
    does: 'MONITOR and MWAIT on a line that nobody writes, woken by a timer',
    accelerators,
    change: { cpu: amd({ processors: 1, debugControl: false }) },
    source: `
guest:
  mov   dword [apic + 0x3e0], 11
  mov   dword [apic + 0x320], 0x20060
  mov   dword [apic + 0x380], 1000
  sti
.again:
  mov   eax, variables
  xor   ecx, ecx
  xor   edx, edx
  monitor
  xor   eax, eax
  mwait
  jmp   .again
`,
  },
  {
    name: 'vmrun',
    does: 'a hypervisor whose guest leaves at its first instruction',
    accelerators,
    change: { cpu: amd({ processors: 1, debugControl: false, virtualization: true }) },
    source: `
vmcb  equ buffer
guest:
  mov   ecx, 0xc0000080
  rdmsr
  or    eax, 0x1000
  wrmsr
  mov   ecx, 0xc0010117           ; host save area
  mov   eax, buffer + 0x1000
  xor   edx, edx
  wrmsr
  mov   eax, vmcb
  vmsave
  mov   dword [vmcb + 0x00c], 0x00040000      ; CPUID
  mov   dword [vmcb + 0x010], 0x00000003      ; VMRUN, VMMCALL
  mov   dword [vmcb + 0x058], 1               ; ASID
  mov   dword [vmcb + 0x410], 0x0a9b0010      ; CS
  mov   dword [vmcb + 0x414], 0xffffffff
  mov   dword [vmcb + 0x420], 0x0c930018      ; SS
  mov   dword [vmcb + 0x424], 0xffffffff
  mov   dword [vmcb + 0x400], 0x0c930018
  mov   dword [vmcb + 0x404], 0xffffffff
  mov   dword [vmcb + 0x430], 0x0c930018
  mov   dword [vmcb + 0x434], 0xffffffff
  mov   rax, cr0
  mov   [vmcb + 0x558], rax
  mov   rax, cr3
  mov   [vmcb + 0x550], rax
  mov   rax, cr4
  mov   [vmcb + 0x548], rax
  mov   ecx, 0xc0000080
  rdmsr
  mov   [vmcb + 0x4d0], eax
  mov   dword [vmcb + 0x560], 0xffff0ff0
  mov   qword [vmcb + 0x568], 0x400
  mov   qword [vmcb + 0x570], 2
  mov   qword [vmcb + 0x5d8], buffer + 0x8000
.again:
  mov   eax, inside
  mov   [vmcb + 0x578], rax
  mov   eax, vmcb
  vmrun
  cmp   dword [vmcb + 0x70], 0x81
  je    .again
  mov   al, [vmcb + 0x70]
  jmp   broken
inside:
  vmmcall
  jmp   inside
`,
  },
];
