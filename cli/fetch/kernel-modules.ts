/** Reads a kernel's module tree: which file is which module, and what it needs. */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { KernelModule } from '#machines';
import { unavailable } from './apt.ts';

const suffix = /\.ko(\.xz|\.zst|\.gz)?$/;

/** modprobe takes both, the kernel only knows underscores. */
export const canonical = (name: string): string => name.replaceAll('-', '_');

/** Module name → file, for a whole tree. */
export async function findModules(tree: string): Promise<Map<string, string>> {
  const files = await readdir(tree, { recursive: true });
  return new Map(
    files
      .filter(file => suffix.test(file))
      .map(file => [canonical(basename(file).replace(suffix, '')), join(tree, file)] as const),
  );
}

/** Names of the modules that are part of the kernel itself; null where the tree does not tell. */
export async function builtinModules(tree: string): Promise<string[] | null> {
  const file = join(tree, 'modules.builtin');
  if (!existsSync(file)) return null;
  const paths = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
  return paths.map(path => canonical(basename(path).replace(suffix, '')));
}

/** The named modules that exist, with everything they depend on; each after its dependencies. */
export async function readModules(tree: string, names: readonly string[]): Promise<KernelModule[]> {
  const files = await findModules(tree);
  const found = new Map<string, KernelModule>();
  const visiting = new Set<string>();
  const visit = async (wanted: string): Promise<void> => {
    const name = canonical(wanted);
    const file = files.get(name);
    if (!file || visiting.has(name)) return;
    visiting.add(name);
    const content = decompress(file, await readFile(file));
    const dependencies = dependenciesOf(content);
    for (const dependency of dependencies) await visit(dependency);
    found.set(name, { name, content, dependencies });
  };
  for (const name of names) await visit(name);
  return [...found.values()];
}

/** From the .modinfo section, a list of NUL-terminated `key=value` strings. */
function dependenciesOf(content: Uint8Array): string[] {
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1');
  const list = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? '';
  return list.split(',').filter(Boolean).map(canonical);
}

function decompress(file: string, bytes: Uint8Array): Uint8Array {
  if (file.endsWith('.zst')) return zstdDecompressSync(bytes);
  if (file.endsWith('.gz')) return gunzipSync(bytes);
  if (!file.endsWith('.xz')) return bytes;
  const { status, stdout } = spawnSync('xz', ['-dc'], { input: bytes, maxBuffer: 2 ** 28 });
  if (status !== 0) throw unavailable(`cannot decompress ${file}: is xz installed?`);
  return stdout;
}
