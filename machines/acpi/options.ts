/** What the ACPI tables of a machine tell about it. */
import type { Range } from './resources.ts';

export interface AcpiSerial {
  readonly port: number;
  readonly irq: number;
}

export interface AcpiRtc {
  readonly port: number;
  readonly irq: number;
}

/** The i8042's ports and its two interrupts. */
export interface AcpiPs2 {
  readonly data: number;
  readonly command: number;
  readonly keyboardIrq: number;
  readonly mouseIrq: number;
}

/** Fixed hardware: PM1 events at `port`, control at +4, timer at +8. */
export interface AcpiPowerManagement {
  readonly port: number;
  readonly sci: number;
  readonly timerBits: number;
  readonly resetPort: number;
}

export interface AcpiIoApic {
  readonly id: number;
  readonly base: number;
  /** The global interrupt that its pin 0 is. */
  readonly firstInterrupt: number;
}

export interface AcpiHpet {
  readonly base: number;
  /** The low word of its first register. */
  readonly capabilities: number;
  /** Of a timer that repeats, in ticks. */
  readonly minimumPeriod: number;
}

export interface AcpiPci {
  /** 32-bit memory that base address registers may be given. */
  readonly window: Range;
  readonly highWindow?: Range;
  /** PCI Express configuration space; the MCFG table appears with it. */
  readonly ecam?: number;
  /** Where INTA to INTD of slot 0 lead, as global interrupts; each slot rotates by one. */
  readonly interrupts: readonly number[];
  /** The same for systems that use the 8259s; left out if they are not wired to them. */
  readonly legacyInterrupts?: readonly number[];
}

export interface AcpiOptions {
  /** Local APIC identifiers, the boot processor's first. */
  readonly processors: readonly number[];
  readonly localApic?: number;
  readonly ioApics?: readonly AcpiIoApic[];
  readonly pci?: AcpiPci;
  readonly serial?: readonly AcpiSerial[];
  readonly rtc?: AcpiRtc;
  readonly ps2?: AcpiPs2;
  readonly vga?: boolean;
  readonly hpet?: AcpiHpet;
  /** Left out: hardware-reduced ACPI, without PM1 registers, timer and reset register. */
  readonly powerManagement?: AcpiPowerManagement;
}

export const defaultLocalApic = 0xfee0_0000;
export const defaultIoApics: readonly AcpiIoApic[] = [{ id: 0, base: 0xfec0_0000, firstInterrupt: 0 }];
