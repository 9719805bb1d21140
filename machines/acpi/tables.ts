/** All ACPI tables of a machine, laid out one after the other from the RSDP on (ACPI 6.4 §5.2). */
import type { GuestMemory } from '#core';
import type { Placement } from '../boot/boot-state.ts';
import { putTables } from '../boot/placement.ts';
import { dsdt } from './dsdt.ts';
import { fadt } from './fadt.ts';
import { madt } from './madt.ts';
import type { AcpiHpet, AcpiOptions } from './options.ts';
import { headerSize, setChecksum, table, text } from './table.ts';

/** The BIOS area, where guests also search for the RSDP if the loader does not tell them. */
export const defaultTables = 0xe_0000;

export interface AcpiTables extends Placement {
  /** Guest-physical address of the root pointer. */
  readonly rsdp: number;
}

const facsAlignment = 64;

export function acpiImage(base: number, options: AcpiOptions): Uint8Array {
  const pieces: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  let end = base + rsdpSize;
  const add = (bytes: Uint8Array, alignment = 16): number => {
    const at = Math.ceil(end / alignment) * alignment;
    pieces.push({ at, bytes });
    end = at + bytes.length;
    return at;
  };
  const addresses = { facs: add(facs(), facsAlignment), dsdt: add(dsdt(options)) };
  const listed = [
    add(fadt(options, addresses)),
    add(madt(options)),
    ...(options.hpet === undefined ? [] : [add(hpet(options.hpet))]),
    ...(options.pci?.ecam === undefined ? [] : [add(mcfg(options.pci.ecam))]),
  ];
  pieces.push({ at: base, bytes: rsdp(add(xsdt(listed))) });
  const image = new Uint8Array(end - base);
  for (const { at, bytes } of pieces) image.set(bytes, at - base);
  return image;
}

export function writeAcpi(memory: GuestMemory, options: AcpiOptions, base = defaultTables): AcpiTables {
  return { ...putTables(memory, 'ACPI tables', base, acpiImage(base, options)), rsdp: base };
}

const rsdpSize = 36;

function rsdp(xsdtAddress: number): Uint8Array {
  const bytes = new Uint8Array(rsdpSize);
  const view = new DataView(bytes.buffer);
  bytes.set(text('RSD PTR '), 0);
  bytes.set(text('VIRT64'), 9);
  view.setUint8(15, 2);
  view.setUint32(20, rsdpSize, true);
  view.setBigUint64(24, BigInt(xsdtAddress), true);
  setChecksum(bytes, 8, 0, 20);
  setChecksum(bytes, 32);
  return bytes;
}

const xsdt = (addresses: readonly number[]): Uint8Array =>
  table('XSDT', 1, headerSize + addresses.length * 8, ({ view }) => {
    for (const [index, address] of addresses.entries()) {
      view.setBigUint64(headerSize + index * 8, BigInt(address), true);
    }
  });

/** Firmware and guest share it across sleep, so it has neither the common header nor a checksum. */
function facs(): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set(text('FACS'), 0);
  bytes[4] = bytes.length;
  bytes[32] = 2;
  return bytes;
}

/** Event timer block as Intel's HPET 1.0a §3.2.4 has it. */
const hpet = ({ base, capabilities, minimumPeriod }: AcpiHpet): Uint8Array =>
  table('HPET', 1, 56, ({ view }) => {
    view.setUint32(0x24, capabilities, true);
    view.setUint8(0x29, 64);
    view.setBigUint64(0x2c, BigInt(base), true);
    view.setUint16(0x35, minimumPeriod, true);
  });

const mcfg = (base: number): Uint8Array =>
  table('MCFG', 1, 60, ({ view }) => {
    view.setBigUint64(0x2c, BigInt(base), true);
    view.setUint8(0x37, 255);
  });
