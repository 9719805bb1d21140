/** VM-execution, exit and entry controls: what the driver wants, against what the CPU allows (SDM vol. 3, section A.3). */
import type { HostCpu } from '#core';

export const Pin = { externalInterrupt: 1 << 0, nmi: 1 << 3, virtualNmi: 1 << 5 } as const;

export const Primary = {
  interruptWindow: 1 << 2,
  tscOffset: 1 << 3,
  hlt: 1 << 7,
  mwait: 1 << 10,
  rdpmc: 1 << 11,
  cr3Load: 1 << 15,
  cr3Store: 1 << 16,
  cr8Load: 1 << 19,
  cr8Store: 1 << 20,
  nmiWindow: 1 << 22,
  movDebug: 1 << 23,
  unconditionalIo: 1 << 24,
  msrBitmap: 1 << 28,
  monitor: 1 << 29,
  pause: 1 << 30,
  secondary: 1 << 31,
} as const;

export const Secondary = { ept: 1 << 1, vpid: 1 << 5, unrestricted: 1 << 7, invpcid: 1 << 12 } as const;
export const ExitControl = {
  saveDebug: 1 << 2,
  host64: 1 << 9,
  savePat: 1 << 18,
  loadPat: 1 << 19,
  saveEfer: 1 << 20,
  loadEfer: 1 << 21,
} as const;
export const EntryControl = {
  loadDebug: 1 << 2,
  guest64: 1 << 9,
  smm: 1 << 10,
  dualMonitor: 1 << 11,
  loadPat: 1 << 14,
  loadEfer: 1 << 15,
} as const;

export interface Controls {
  readonly pin: number;
  readonly primary: number;
  readonly secondary: number;
  readonly exit: number;
  readonly entry: number;
}

interface Wish {
  readonly msr: number;
  readonly trueMsr: number;
  readonly on: number;
  readonly off: number;
}

const wishes: Readonly<Record<keyof Controls, Wish>> = {
  pin: { msr: 0x481, trueMsr: 0x48d, on: Pin.externalInterrupt | Pin.nmi | Pin.virtualNmi, off: 0 },
  primary: {
    msr: 0x482,
    trueMsr: 0x48e,
    on:
      Primary.tscOffset |
      Primary.hlt |
      Primary.mwait |
      Primary.rdpmc |
      Primary.cr8Load |
      Primary.cr8Store |
      Primary.unconditionalIo |
      Primary.msrBitmap |
      Primary.monitor |
      Primary.secondary,
    off: Primary.cr3Load | Primary.cr3Store,
  },
  secondary: { msr: 0x48b, trueMsr: 0x48b, on: Secondary.ept | Secondary.vpid | Secondary.unrestricted, off: 0 },
  exit: {
    msr: 0x483,
    trueMsr: 0x48f,
    on:
      ExitControl.saveDebug |
      ExitControl.host64 |
      ExitControl.savePat |
      ExitControl.loadPat |
      ExitControl.saveEfer |
      ExitControl.loadEfer,
    off: 0,
  },
  entry: {
    msr: 0x484,
    trueMsr: 0x490,
    on: EntryControl.loadDebug | EntryControl.loadPat | EntryControl.loadEfer,
    off: EntryControl.smm | EntryControl.dualMonitor,
  },
};

/** Whether the CPU has a control that the driver can do without. */
export const allowsPrimary = (cpu: HostCpu, control: number): boolean =>
  (Number(cpu.rdmsr(wishes.primary.trueMsr) >> 32n) & control) !== 0;

/** undefined where the CPU cannot do what the driver needs. INVPCID stays #UD, as the SVM backend has it. */
export function resolveControls(cpu: HostCpu): Controls | undefined {
  const resolved: Partial<Record<keyof Controls, number>> = {};
  for (const [name, wish] of Object.entries(wishes) as [keyof Controls, Wish][]) {
    const allowed = cpu.rdmsr(wish.trueMsr);
    const must = Number(BigInt.asIntN(32, allowed));
    const may = Number(BigInt.asIntN(32, allowed >> 32n));
    // A bit that nobody speaks of follows its default class: set where the older MSR says it must be.
    const defaults = Number(BigInt.asIntN(32, cpu.rdmsr(wish.msr)));
    if (wish.on & ~may || wish.off & must) return undefined;
    resolved[name] = (((defaults | must) & ~wish.off) | wish.on) & may;
  }
  return resolved as Controls;
}
