/** Guests that begin again and again. The program starts the machine anew each time, as the command line does. */
import type { HostileGuest } from '../guest.ts';

const once = (name: string, does: string, instructions: string): HostileGuest => ({
  name,
  does,
  source: `
guest:
${instructions}
.wait:
  jmp   .wait
`,
});

export const resets: readonly HostileGuest[] = [
  once('reset-port92', 'resets itself by port 92', '  mov al, 1\n  out 0x92, al'),
  once('reset-cf9', 'resets itself by CF9', '  mov dx, 0xcf9\n  mov al, 6\n  out dx, al'),
  once('reset-8042', 'resets itself by the keyboard controller', '  mov al, 0xfe\n  out 0x64, al'),
  once(
    'triple-fault',
    'a triple fault',
    '  mov word [variables], 0\n  mov qword [variables + 2], 0\n  lidt [variables]\n  int3',
  ),
  once(
    'init-self',
    'INIT and NMI to itself, from where it starts in an empty ROM',
    `
  mov   dword [apic + 0x300], 0x4500
  mov   dword [apic + 0x310], 0
  mov   dword [apic + 0x300], 0x4500`,
  ),
];
