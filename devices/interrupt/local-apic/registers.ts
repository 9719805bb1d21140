/** Registers of the local APIC by number: MMIO offset / 16, or MSR − 0x800 (SDM vol. 3, tables 12-1 and 12-6). */
export const Register = {
  id: 0x02,
  version: 0x03,
  taskPriority: 0x08,
  arbitrationPriority: 0x09,
  processorPriority: 0x0a,
  end: 0x0b,
  logicalDestination: 0x0d,
  destinationFormat: 0x0e,
  spurious: 0x0f,
  inService: 0x10,
  triggerMode: 0x18,
  requested: 0x20,
  errorStatus: 0x28,
  commandLow: 0x30,
  commandHigh: 0x31,
  timer: 0x32,
  thermal: 0x33,
  performance: 0x34,
  lint0: 0x35,
  lint1: 0x36,
  error: 0x37,
  initialCount: 0x38,
  currentCount: 0x39,
  divide: 0x3e,
  selfInterrupt: 0x3f,
} as const;

/** Local vector table entries (12.5.1). */
export const Lvt = {
  vector: 0xff,
  mode: 7 << 8,
  pending: 1 << 12,
  polarity: 1 << 13,
  remoteIrr: 1 << 14,
  level: 1 << 15,
  masked: 1 << 16,
  timerMode: 3 << 17,
  periodic: 1 << 17,
  deadline: 2 << 17,
} as const;

const plain = Lvt.vector | Lvt.masked;
const withMode = plain | Lvt.mode;
const pin = withMode | Lvt.polarity | Lvt.level;

/** What software may set in each entry, from `timer` to `error`. */
export const lvtWritable: readonly number[] = [plain | Lvt.timerMode, withMode, withMode, pin, pin, plain];

/** What reads back from a write in x2APIC mode without a fault, though it does not stick. */
export const lvtIgnored = Lvt.pending | Lvt.remoteIrr;

/** Interrupt command register, low half (12.6.1). */
export const Command = {
  logical: 1 << 11,
  asserted: 1 << 14,
  level: 1 << 15,
  writable: 0x000c_cfff,
} as const;

export const Spurious = { vector: 0xff, enabled: 1 << 8, writable: 0x3ff } as const;

/** Error status register (12.5.3). */
export const ErrorStatus = { sendVector: 1 << 5, receiveVector: 1 << 6, register: 1 << 7 } as const;

/** IA32_APIC_BASE (12.4.4). */
export const ApicBase = { bootstrap: 0x100, extended: 0x400, enabled: 0x800 } as const;

/** Integrated APIC, six local vectors. */
export const versionRegister = 0x0005_0014;
