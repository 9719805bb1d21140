/** Numbers of virtio 1.2: device types (5), status bits (2.1), reserved features (6). */
export const VirtioId = { network: 1, block: 2, console: 3, entropy: 4 } as const;

export const DeviceStatus = {
  acknowledge: 0x01,
  driver: 0x02,
  driverOk: 0x04,
  featuresOk: 0x08,
  needsReset: 0x40,
  failed: 0x80,
} as const;

/** Bit numbers. */
export const RingFeature = { indirect: 28, eventIndex: 29, version1: 32 } as const;

/** Feature bits as the two words in which transports show them. */
export type FeatureWords = readonly [low: number, high: number];

export const featureWords = (bits: readonly number[]): FeatureWords => {
  const words: [number, number] = [0, 0];
  for (const bit of bits) words[bit >> 5] |= 1 << (bit & 31);
  return [words[0] >>> 0, words[1] >>> 0];
};

export const hasFeature = (words: readonly number[], bit: number): boolean =>
  ((words[bit >> 5] >>> (bit & 31)) & 1) === 1;
