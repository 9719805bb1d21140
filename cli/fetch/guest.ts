/** Gets a Linux guest from the package archive of the Debian or Ubuntu system that we run on: kernel, modules, BusyBox. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MachineError } from '#core';
import { Apt, elsewhere, type OnAdvance, run, unavailable } from './apt.ts';
import { defaultCache, type GuestPaths, guestPaths } from './cache.ts';
import { builtinModules, readModules } from './kernel-modules.ts';
import { withLock } from './lock.ts';
import { isRefusal, openCache } from './open-cache.ts';

export interface FetchOptions {
  readonly cache?: string;
  /** Fetch again, even if the cache is filled. */
  readonly refresh?: boolean;
  /** A step begins. */
  readonly onProgress?: (message: string) => void;
  /** How far the step is, where that is known. */
  readonly onAdvance?: OnAdvance;
}

export interface GuestManifest {
  readonly kernelRelease: string;
  readonly packages: Readonly<Record<string, string>>;
  /** That were wanted when it was made. */
  readonly modules: readonly string[];
  /** Modules that are part of the kernel itself; null if its package does not tell. Caches made before 2026-12-01 lack the list. */
  readonly builtin?: readonly string[] | null;
  readonly sha256: Readonly<Record<string, string>>;
}

export interface FetchedGuest extends GuestPaths {
  readonly versions: GuestManifest;
}

/** The first that exists is taken: Debian's kernel for virtual machines, its general one, Ubuntu's. */
const kernelPackages = ['linux-image-cloud-amd64', 'linux-image-amd64', 'linux-image-virtual', 'linux-image-generic'];
const busyboxPackages = ['busybox-static'];

/** What a guest may want from a disk-less machine; whatever they depend on comes along. */
export const keptModules = [
  'virtio_pci',
  'virtio_mmio',
  'virtio_blk',
  'virtio_console',
  'virtio_net',
  'virtio_rng',
  'virtio_balloon',
  'virtio_scsi',
  'kvm_amd',
  'kvm_intel',
  'nvme',
  'ahci',
  'e1000',
  'af_packet',
  'button',
  'evdev',
  'ext4',
  'isofs',
  'squashfs',
  'overlay',
  'loop',
  'msr',
  'cpuid',
];

/** The cached guest, fetched first if it is not there yet. What is half done is never seen: the folder appears complete or not at all. */
export async function fetchGuest(options: FetchOptions = {}): Promise<FetchedGuest> {
  const { cache = defaultCache(), refresh = false, onProgress = () => {} } = options;
  const paths = guestPaths(cache);
  const present = async (): Promise<GuestManifest | undefined> => (refresh ? undefined : intact(paths));
  let versions = await present();
  if (!versions) {
    for (const program of ['apt-get', 'apt-cache', 'dpkg-deb']) await requireProgram(program);
    try {
      const lock = join(cache, 'lock');
      await openCache(cache, lock);
      const work = async () => (await present()) ?? (await fetchInto(cache, paths, options));
      versions = await withLock(lock, work, owner => onProgress(`waiting for process ${owner}, which has ${lock}`));
    } catch (error) {
      throw isRefusal(error) ? unusableCache(cache, error) : error;
    }
  }
  return { ...paths, versions };
}

/** What the cache holds, if it is what we want today, and all of it still as it was fetched. */
async function intact({ folder, manifest }: GuestPaths): Promise<GuestManifest | undefined> {
  try {
    const versions = JSON.parse(await readFile(manifest, 'utf8')) as GuestManifest;
    if (versions.modules.join() !== keptModules.join()) return undefined;
    for (const [file, hash] of Object.entries(versions.sha256)) {
      if ((await sha256(join(folder, file))) !== hash) return undefined;
    }
    return versions;
  } catch (error) {
    if (isRefusal(error) || error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

const sha256 = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

const unusableCache = (cache: string, cause: NodeJS.ErrnoException): MachineError =>
  new MachineError('guest-unavailable', `the cache ${cache} cannot be used: ${cause.message}`, {
    remedy: `name a folder for it in the environment variable VIRT64_CACHE, or ${elsewhere}`,
    cause,
  });

async function fetchInto(
  cache: string,
  paths: GuestPaths,
  { onProgress = () => {}, onAdvance = () => {} }: FetchOptions,
): Promise<GuestManifest> {
  await removeLeftovers(cache);
  const apt = new Apt(join(cache, 'apt'));
  onProgress('reading package lists');
  const problems = await apt.update(onAdvance);
  const kernel = await firstPackage(apt, kernelPackages, problems);
  const busybox = await firstPackage(apt, busyboxPackages, problems);

  const work = await mkdtemp(join(cache, workPrefix));
  try {
    const root = join(work, 'root');
    const versions: Record<string, string> = {};
    for (const name of [...(await kernelParts(apt, kernel)), busybox]) {
      const version = (await apt.version(name)) ?? '';
      onProgress(`downloading ${name} ${version}, ${((await apt.size(name)) / 1e6).toFixed(1)} MB`);
      await apt.unpack(name, root, onAdvance);
      versions[name] = version;
    }
    onProgress('unpacking the guest');
    const staged = join(work, 'guest');
    const manifest = await stage(root, staged, versions);
    await rm(paths.folder, { recursive: true, force: true });
    await rename(staged, paths.folder);
    await rm(join(cache, 'apt'), { recursive: true, force: true });
    onProgress(`ready in ${paths.folder}`);
    return manifest;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const workPrefix = 'partial-';

/** What a fetch that was killed left behind. */
async function removeLeftovers(cache: string): Promise<void> {
  for (const file of await readdir(cache)) {
    if (file.startsWith(workPrefix)) await rm(join(cache, file), { recursive: true, force: true });
  }
}

async function requireProgram(program: string): Promise<void> {
  const { status } = await run(program, ['--version']);
  if (status !== 0) throw unavailable(`${program} does not work here`);
}

async function firstPackage(apt: Apt, names: readonly string[], problems: string): Promise<string> {
  for (const name of names) if (await apt.version(name)) return name;
  if (problems) throw unavailable('the package lists cannot be downloaded', problems);
  throw unavailable(`no package source offers ${names.join(' or ')}`);
}

/** A kernel package names the one with the files; on Ubuntu that one needs another with the modules. */
async function kernelParts(apt: Apt, name: string): Promise<string[]> {
  const image = (await apt.dependencies(name))?.find(dependency => dependency.startsWith('linux-image-')) ?? name;
  const needed = (await apt.dependencies(image)) ?? [];
  return [image, ...needed.filter(dependency => dependency.startsWith('linux-modules-'))];
}

/** Copies what we keep of the unpacked packages, under the names that `guestPaths` promises, and the manifest last. */
async function stage(root: string, target: string, packages: Record<string, string>): Promise<GuestManifest> {
  const paths = { kernel: join(target, 'vmlinuz'), busybox: join(target, 'busybox'), modules: join(target, 'modules') };
  await mkdir(paths.modules, { recursive: true });
  const kernel = (await readdir(join(root, 'boot'))).find(file => file.startsWith('vmlinuz-'));
  const release = kernel?.slice('vmlinuz-'.length);
  const busybox = ['bin/busybox', 'usr/bin/busybox'].map(file => join(root, file)).find(file => existsSync(file));
  const tree = ['lib/modules', 'usr/lib/modules']
    .map(folder => join(root, folder, release ?? ''))
    .find(folder => existsSync(folder));
  if (!kernel || !release || !busybox || !tree) {
    throw unavailable('the packages do not hold what they should (vmlinuz, modules, busybox)');
  }
  await copyFile(join(root, 'boot', kernel), paths.kernel);
  await copyFile(busybox, paths.busybox);
  const kept = ['vmlinuz', 'busybox'];
  for (const { name, content } of await readModules(tree, keptModules)) {
    const file = join('modules', `${name}.ko`);
    await writeFile(join(target, file), content);
    kept.push(file);
  }
  const hashes: Record<string, string> = {};
  for (const file of kept) hashes[file] = await sha256(join(target, file));
  const manifest: GuestManifest = {
    kernelRelease: release,
    packages,
    modules: keptModules,
    builtin: await builtinModules(tree),
    sha256: hashes,
  };
  await writeFile(join(target, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}
