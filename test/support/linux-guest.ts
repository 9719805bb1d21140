/** What Linux boots from, if somebody has fetched it: tests without it skip themselves. */
import { existsSync } from 'node:fs';
import { guestPaths } from '../../cli/fetch/cache.ts';
import { guest as fetched, type GuestOptions } from '../../cli/fetch/initrd.ts';

export const guest = async (
  options: GuestOptions = {},
): Promise<{ readonly kernel: Uint8Array; readonly initrd: Uint8Array } | undefined> => {
  if (!existsSync(guestPaths().manifest)) return undefined;
  const { kernel, initrd } = await fetched(options);
  return { kernel, initrd };
};
