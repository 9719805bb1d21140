/** Whether the addresses that devices claim are theirs to claim: neither RAM nor where PCI functions are placed. */
import { MachineError } from '#core';
import { PciHost } from '#devices';
import { type Finding, findingOf } from './finding.ts';
import { memorySize, ramRanges } from './memory.ts';
import type { Profile } from './profile.ts';

export interface AddressClaim {
  readonly base: number;
  readonly length: number;
  /** The claiming device's. */
  readonly name: string;
}

interface Taken {
  readonly base: number;
  readonly size: number;
  readonly whose: string;
  readonly remedy: string;
}

const hex = (address: number): string => `0x${address.toString(16)}`;

export function checkAddresses(profile: Profile, claims: readonly AddressClaim[]): readonly Finding[] {
  const taken = occupied(profile);
  return claims.flatMap(({ base, length, name }) =>
    taken
      .filter(other => base < other.base + other.size && other.base < base + length)
      .map(other => {
        const message = `${name} claims addresses ${hex(base)}–${hex(base + length - 1)}, which ${other.whose}`;
        const path = Object.hasOwn(profile.devices, name) ? `devices.${name}` : 'devices';
        return findingOf(new MachineError('overlap', message, { path, remedy: other.remedy }), path);
      }),
  );
}

function occupied(profile: Profile): readonly Taken[] {
  const ram = ramRanges(memorySize(profile)).map(({ base, size }) => ({
    base,
    size,
    whose: `memory has at ${hex(base)}–${hex(base + size - 1)}`,
    remedy: 'give it a place outside of RAM, best between 0xfed10000 and 0xfedfffff, or the machine less memory',
  }));
  const { memoryWindow } = PciHost;
  const windows = Object.entries(profile.devices)
    .filter(([, { type }]) => (type as unknown) === PciHost)
    .map(([name]) => ({
      ...memoryWindow,
      whose: `${name} gives to PCI functions (${hex(memoryWindow.base)}–${hex(memoryWindow.base + memoryWindow.size - 1)})`,
      remedy: 'give it a place outside of the PCI window, best between 0xfed10000 and 0xfedfffff',
    }));
  return [...ram, ...windows];
}
