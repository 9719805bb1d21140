/** Where hostile guests keep things in their 64 MiB. The first 4 GiB are mapped one to one. */
export const layout = {
  /** Page of the code that other processors start with: the vector of SIPI. */
  startupPage: 0x8,
  /** CR3 for them, within their real-mode segment. */
  rootPointer: 0x8ff0,
  /** How many processors have started. */
  started: 0x2_8008,
  interrupts: 0x2_0000,
  descriptors: 0x2_4000,
  variables: 0x2_9000,
  /** Grows down, 16 KiB for each processor. */
  stack: 0x8_0000,
  image: 0x10_0000,
  /** Queue n of a virtio device: descriptors, available and used ring, 64 KiB apart. */
  rings: 0x30_0000,
  available: 0x4000,
  used: 0x8000,
  /** Free from here to the end of memory. */
  buffer: 0x100_0000,
  memory: 0x400_0000,
} as const;
