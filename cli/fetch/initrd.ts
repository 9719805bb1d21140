/** Builds the initramfs for a fetched guest: BusyBox plus the kernel modules that the machine's devices want. */
import { readFile } from 'node:fs/promises';
import { busyboxInitramfs, type InitramfsOptions } from '#machines';
import { type FetchOptions, fetchGuest } from './guest.ts';
import { readModules } from './kernel-modules.ts';

export interface GuestOptions extends FetchOptions, Omit<InitramfsOptions, 'modules'> {
  /** Modules that init loads (`virtio_pci`, `virtio_blk` …); those built into the kernel are passed over. */
  readonly modules?: readonly string[];
}

export interface BootableGuest {
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
  readonly release: string;
}

export async function guest({ modules: load = [], ...options }: GuestOptions = {}): Promise<BootableGuest> {
  const { kernel, busybox, modules: tree, versions } = await fetchGuest(options);
  const release = versions.kernelRelease;
  const modules = await readModules(tree, load);
  const names = new Set(modules.map(({ name }) => name));
  const present = load.map(name => name.replaceAll('-', '_')).filter(name => names.has(name));
  const initrd = busyboxInitramfs(await readFile(busybox), {
    ...options,
    ...(modules.length > 0 && { modules: { release, modules, load: present } }),
  });
  return { kernel: await readFile(kernel), initrd, release };
}
