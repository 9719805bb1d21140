export { RamGuestMemory } from '#core';

export const bytes = new Uint8Array(0x1_0000);
export const cpu = { invalidate(_offset: number, _length: number): void {} };
export const descriptor = { address: 0x7c00 };
export const buffer = new Uint8Array(16);
export function fail(): never {
  throw new Error('there is no RAM');
}
