/** Where the bench kernel keeps things in guest memory; its page tables map the first GiB one to one. */
export const layout = {
  image: 0x10_0000,
  level4: 0x30_0000,
  level3: 0x30_1000,
  /** 2 MiB pages, open to user mode. */
  identity: 0x30_2000,
  windowLevel2: 0x30_3000,
  windowLevel1: 0x30_4000,
  interrupts: 0x30_6000,
  perProcessor: 0x30_7000,
  /** Whatever is written lies apart from code: a write to a page of code costs every emulator its translation. */
  variables: 0x30_8000,
  userStack: 0x37_0000,
  stack: 0x38_0000,
  /** Free from here to the end of memory; 32 MiB are always there. */
  buffer: 0x80_0000,
  /** The linear addresses of the one page table of 4 KiB pages that workloads may change. */
  window: 0x4000_0000,
} as const;
