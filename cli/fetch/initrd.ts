/** Builds the initramfs for a fetched guest: BusyBox plus the kernel modules that the machine's devices want. */
import { readFile } from 'node:fs/promises';
import { MachineError } from '#core';
import { busyboxInitramfs, type InitramfsOptions, nearest } from '#machines';
import { type FetchedGuest, type FetchOptions, fetchGuest } from './guest.ts';
import { canonical, findModules, readModules } from './kernel-modules.ts';

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
  const { kernel, busybox, modules: tree, versions } = await guestWith(load, options);
  const release = versions.kernelRelease;
  const modules = await readModules(tree, load);
  const names = new Set(modules.map(({ name }) => name));
  const present = load.map(canonical).filter(name => names.has(name));
  const initrd = busyboxInitramfs(await readFile(busybox), {
    ...options,
    ...(modules.length > 0 && { modules: { release, modules, load: present } }),
  });
  return { kernel: await readFile(kernel), initrd, release };
}

/** The default guest's kernel alone, for an initrd of the user's. */
export async function guestKernel(options: FetchOptions = {}): Promise<Omit<BootableGuest, 'initrd'>> {
  const { kernel, versions } = await fetchGuest(options);
  return { kernel: await readFile(kernel), release: versions.kernelRelease };
}

/** The fetched guest, if it has all these modules: as files, or in the kernel itself. */
async function guestWith(load: readonly string[], options: FetchOptions): Promise<FetchedGuest> {
  const fetched = await fetchGuest(options);
  const files = new Set((await findModules(fetched.modules)).keys());
  const strange = load.find(name => !files.has(canonical(name)));
  if (strange === undefined) return fetched;
  const { builtin } = fetched.versions;
  // An old cache does not say what is in the kernel; a new one says it, or says that nobody knows.
  if (builtin === undefined) return guestWith(load, { ...options, refresh: true });
  if (builtin !== null) refuseUnknown(load, [...files], builtin);
  return fetched;
}

function refuseUnknown(load: readonly string[], files: readonly string[], builtin: readonly string[]): void {
  const known = new Set([...files, ...builtin]);
  const unknown = load.find(name => !known.has(canonical(name)));
  if (unknown === undefined) return;
  const meant = nearest(canonical(unknown), known);
  throw new MachineError('bad-argument', `the default guest has no module "${unknown}"`, {
    path: 'modules',
    remedy: `${meant === undefined ? '' : `did you mean ${meant}? `}it has ${files.toSorted().join(', ')}, and what is in its kernel`,
  });
}
