/** Guests that run timers as fast as they go. */
import type { HostileGuest } from '../guest.ts';

const apicTimer = `
  mov   dword [apic + 0x3e0], 11  ; divide by 1
  mov   dword [apic + 0x320], 0x20060
  mov   dword [apic + 0x380], 1
`;
/** The PIC's interrupts at 0x40 and 0x48, all open. */
const pic = `
  mov   al, 0x11
  out   0x20, al
  out   0xa0, al
  mov   al, 0x40
  out   0x21, al
  mov   al, 0x48
  out   0xa1, al
  mov   al, 4
  out   0x21, al
  mov   al, 2
  out   0xa1, al
  mov   al, 3
  out   0x21, al
  out   0xa1, al
  mov   al, 0
  out   0x21, al
  out   0xa1, al
  mov   eax, 0x40
  mov   esi, on_pic
  call  set_handler
  mov   eax, 0x48
  mov   esi, on_rtc
  call  set_handler
`;
const pit = `
  mov   al, 0x34
  out   0x43, al
  mov   al, 2
  out   0x40, al
  mov   al, 0
  out   0x40, al
`;
const rtc = `
  mov   al, 0x0a
  out   0x70, al
  mov   al, 0x23                  ; 8 kHz
  out   0x71, al
  mov   al, 0x0b
  out   0x70, al
  mov   al, 0x42
  out   0x71, al
`;
const hpet = `
  mov   edi, 0xfed00000
  mov   dword [rdi + 0x10], 0
  mov   dword [rdi + 0x100], 0x4c ; periodic, I/O APIC pin 2
  mov   dword [rdi + 0x108], 1
  mov   dword [rdi + 0x108], 1
  mov   dword [rdi + 0x10], 1
  mov   dword [0xfec00000], 0x14
  mov   dword [0xfec00010], 0x61
`;
const handlers = `
on_rtc:
  push  rax
  mov   al, 0x0c
  out   0x70, al
  in    al, 0x71
  mov   al, 0x20
  out   0xa0, al
  out   0x20, al
  pop   rax
  iretq
on_pic:
  push  rax
  mov   al, 0x20
  out   0x20, al
  pop   rax
  iretq
`;
const wait = `
  sti
idle:
  hlt
  jmp   idle
`;
const spin = `
  sti
busy:
  inc   ecx
  jmp   busy
`;

const timer = (name: string, does: string, source: string): HostileGuest => ({ name, does, source });

export const timers: readonly HostileGuest[] = [
  timer('apic-timer', 'the APIC timer, periodic with count 1, in a busy loop', `guest:${apicTimer}${spin}`),
  timer('apic-halted', 'the APIC timer, periodic with count 1, between HLTs', `guest:${apicTimer}${wait}`),
  timer('pit', 'the PIT with count 2', `guest:${pic}${pit}${spin}${handlers}`),
  timer('rtc', 'the RTC at 8 kHz, between HLTs', `guest:${pic}${rtc}${wait}${handlers}`),
  timer('hpet', 'the HPET with a period of 1', `guest:${hpet}${spin}`),
  timer('all-timers', 'all these timers at once', `guest:${pic}${pit}${rtc}${hpet}${apicTimer}${spin}${handlers}`),
];
