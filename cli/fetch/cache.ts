/** The folder in which fetched guests live: ignored by git inside a checkout, the user's cache folder elsewhere. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

export interface GuestPaths {
  readonly folder: string;
  readonly kernel: string;
  readonly busybox: string;
  /** The kernel's module tree, with `kernel/` below it. */
  readonly modules: string;
  readonly manifest: string;
}

/** `$VIRT64_CACHE`, else `.cache/virt64` in the checkout around `start`, else `$XDG_CACHE_HOME/virt64` or `~/.cache/virt64`. */
export function defaultCache(start = process.cwd()): string {
  if (process.env.VIRT64_CACHE) return resolve(process.env.VIRT64_CACHE);
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git')) && existsSync(join(folder, 'package.json')))
      return join(folder, '.cache', 'virt64');
    if (folder === dirname(folder)) break;
  }
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'virt64');
}

export const guestPaths = (cache = defaultCache()): GuestPaths => {
  const folder = join(cache, 'guest');
  return {
    folder,
    kernel: join(folder, 'vmlinuz'),
    busybox: join(folder, 'busybox'),
    modules: join(folder, 'modules'),
    manifest: join(folder, 'manifest.json'),
  };
};
