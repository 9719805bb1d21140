/** What the ACPI tables of a machine tell about it. */
import type { Range } from './resources.ts';

export interface AcpiSerial {
  readonly port: number;
  readonly irq: number;
}

export interface AcpiPci {
  /** 32-bit memory that base address registers may be given. */
  readonly window: Range;
  readonly highWindow?: Range;
  /** PCI Express configuration space; the MCFG table appears with it. */
  readonly ecam?: number;
  /** INTA–INTD of slot 0 are this global interrupt and the three after it; each slot rotates by one. Default 16. */
  readonly interruptBase?: number;
}

export interface AcpiOptions {
  /** Local APIC identifiers, the boot processor's first. */
  readonly processors: readonly number[];
  readonly localApic?: number;
  readonly ioApic?: { readonly id: number; readonly base: number };
  readonly pci?: AcpiPci;
  readonly serial?: readonly AcpiSerial[];
  readonly rtc?: boolean;
  readonly ps2?: boolean;
  readonly vga?: boolean;
  readonly hpet?: number;
  /** First port of the PM1 event block; control follows at +4, the timer at +8. */
  readonly powerManagement?: number;
}

export const sci = 9;
export const defaultPowerManagement = 0x600;
export const defaultLocalApic = 0xfee0_0000;
export const defaultIoApic = { id: 0, base: 0xfec0_0000 };
