/** MADT (ACPI 6.4 §5.2.12): one local APIC per processor, the I/O APICs, and which ISA interrupts arrive elsewhere than one would think. */

import { concatenate } from './aml.ts';
import { type AcpiIoApic, type AcpiOptions, defaultIoApics, defaultLocalApic } from './options.ts';
import { headerSize, table } from './table.ts';

const pcAt8259 = 1;
const enabled = 1;
const isa = 0;
const interruptFlags = { conforming: 0, levelActiveHigh: 0x0d } as const;
const allProcessors = 0xff;

const long = (value: number): number[] => [0, 8, 16, 24].map(shift => (value >>> shift) & 0xff);
const word = (value: number): number[] => [value & 0xff, value >>> 8];

const localApicEntry = (uid: number, id: number): number[] => [0, 8, uid, id, ...long(enabled)];
const localX2ApicEntry = (uid: number, id: number): number[] => [
  9,
  16,
  0,
  0,
  ...long(id),
  ...long(enabled),
  ...long(uid),
];
const ioApicEntry = ({ id, base, firstInterrupt }: AcpiIoApic): number[] => [
  1,
  12,
  id,
  0,
  ...long(base),
  ...long(firstInterrupt),
];
const override = (irq: number, interrupt: number, flags: number): number[] => [
  2,
  10,
  isa,
  irq,
  ...long(interrupt),
  ...word(flags),
];
const nonMaskable = (lint: number): number[] => [4, 6, allProcessors, ...word(interruptFlags.conforming), lint];

export function madt({
  processors,
  localApic = defaultLocalApic,
  ioApics = defaultIoApics,
  powerManagement,
}: AcpiOptions): Uint8Array {
  const sci = powerManagement && powerManagement.sci < 16 ? [powerManagement.sci] : [];
  const entries = concatenate(
    ...processors.map((id, uid) => (id < 0xff ? localApicEntry(uid, id) : localX2ApicEntry(uid, id))),
    ...ioApics.map(ioApicEntry),
    ...(ioApics.length > 0 ? [override(0, 2, interruptFlags.conforming)] : []),
    ...sci.map(irq => override(irq, irq, interruptFlags.levelActiveHigh)),
    nonMaskable(1),
  );
  return table('APIC', 5, headerSize + 8 + entries.length, ({ bytes, view }) => {
    view.setUint32(0x24, localApic, true);
    view.setUint32(0x28, pcAt8259, true);
    bytes.set(entries, 0x2c);
  });
}
