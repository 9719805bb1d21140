/** A machine with two serial ports and its own guest, which says hello on the first. */
import { assemble, type BootSource, microvm, use } from 'virt64';
import { IsaSerial } from 'virt64/devices';

const address = 0x10_0000;

const source = `
    mov   esi, message
    mov   dx, 0x3f8
  next:
    lodsb
    test  al, al
    jz    done
    out   dx, al
    jmp   next
  done:
    mov   dx, 0x604             ; ACPI: sleep state 5
    mov   ax, 0x3400
    out   dx, ax
    hlt
  message:
    db    "hello from sample", 10, 0
`;

/** Without it the machine boots what the command line says. */
const boot: BootSource = {
  kind: 'raw',
  image: assemble(32, source, { origin: address }).bytes,
  options: { address, mode: 'protected' },
};

/** A variant of microvm: the parent and a difference. */
export const machine = microvm.with(
  {
    description: 'microvm with a second serial port',
    memory: '64 MiB',
    devices: { com2: use(IsaSerial, { port: 0x2f8, irq: 'isa@3' }) },
    boot,
  },
  'sample',
);
