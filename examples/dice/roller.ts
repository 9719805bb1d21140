/** A guest: rolls the die ten times, prints what it shows, and switches the power off. */
import { assemble, type BootSource } from 'virt64';

const address = 0x10_0000;

const source = `
    mov   ebx, 10
  again:
    mov   dx, 0x2d0             ; the die
    in    al, dx
    aam                         ; AH: tens, AL: ones
    mov   ecx, eax
    mov   dx, 0x3f8             ; the serial port
    mov   al, ch
    add   al, '0'
    out   dx, al
    mov   al, cl
    add   al, '0'
    out   dx, al
    mov   al, 10
    out   dx, al
    dec   ebx
    jnz   again
    mov   dx, 0x604             ; ACPI: sleep state 5
    mov   ax, 0x3400
    out   dx, ax
    hlt
`;

export const roller: BootSource = {
  kind: 'raw',
  image: assemble(32, source, { origin: address }).bytes,
  options: { address, mode: 'protected' },
};
