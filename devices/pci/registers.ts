/** Configuration space of a type 0 function (PCI Local Bus 3.0, figure 6-1), as byte offsets. */
export const Register = {
  vendor: 0x00,
  device: 0x02,
  command: 0x04,
  status: 0x06,
  revision: 0x08,
  classCode: 0x09,
  headerType: 0x0e,
  bars: 0x10,
  subsystemVendor: 0x2c,
  subsystem: 0x2e,
  capabilities: 0x34,
  interruptLine: 0x3c,
  interruptPin: 0x3d,
  firstCapability: 0x40,
} as const;

export const Command = {
  ports: 1 << 0,
  memory: 1 << 1,
  master: 1 << 2,
  interruptDisable: 1 << 10,
  /** Parity and SERR# can be set and do nothing. */
  writable: 0x0547,
} as const;

export const Status = {
  interrupt: 1 << 3,
  capabilities: 1 << 4,
  /** Errors, which never come, clear on writing ones. */
  clearable: 0xf900,
} as const;

export const multiFunctionBit = 0x80;

export const CapabilityId = { vendor: 0x09, msiX: 0x11 } as const;

export const BarType = { ports: 1, memory64: 4, prefetchable: 8 } as const;
