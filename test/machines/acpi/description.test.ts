import test from 'ava';
import { IoApic, IsaSerial } from '#devices';
import { pc, use } from '#machines';
import { describeAcpi } from '../../../machines/acpi-description.ts';

test('the pins of a second I/O APIC are the global interrupts after those of the first', t => {
  const acpi = describeAcpi(
    pc.with({
      devices: {
        ioapic: use(IoApic, { pins: 32 }),
        second: use(IoApic, { id: 1, base: 0xfec0_1000 }),
        com2: use(IsaSerial, { port: 0x2f8, irq: 'second@3' }),
        com3: use(IsaSerial, { port: 0x3e8, irq: 'ioapic@20' }),
      },
    }),
  )!;
  t.deepEqual(acpi.ioApics, [
    { id: 0, base: 0xfec0_0000, firstInterrupt: 0 },
    { id: 1, base: 0xfec0_1000, firstInterrupt: 32 },
  ]);
  t.deepEqual(
    acpi.serial!.map(({ irq }) => irq),
    [4, 35, 20],
  );
});

test('a machine without an I/O APIC has none in its tables', t => {
  t.deepEqual(describeAcpi(pc.with({ devices: { ioapic: undefined } }))!.ioApics, []);
});
