/** The imports of the source tree, as the tests of its architecture read them. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

export interface Import {
  readonly file: string;
  readonly specifier: string;
  /** Nothing of it is left when the program runs. */
  readonly typesOnly: boolean;
}

/** The TypeScript files of a folder, and of those in it, from the root of the tree. */
export function files(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => relative(root, join(entry.parentPath, entry.name)));
}

export function importsOf(file: string): Import[] {
  const source = readFileSync(join(root, file), 'utf8');
  const statements = source.matchAll(
    /^(?:import|export)\b([^;']*?)\bfrom\s+'([^']+)'|^import\s+'([^']+)'|(?<![.\w])import\('([^']+)'\)/gm,
  );
  return [...statements].map(match => ({
    file,
    specifier: (match[2] ?? match[3] ?? match[4])!,
    typesOnly: match[1] !== undefined && isTypesOnly(match[1].trim()),
  }));
}

/** `type { A }`, or `{ type A, type B }`. */
function isTypesOnly(clause: string): boolean {
  if (/^type\s/.test(clause)) return true;
  const names = /^\{(.*)\}$/s
    .exec(clause)?.[1]
    ?.split(',')
    .map(name => name.trim());
  return names?.every(name => name === '' || name.startsWith('type ')) ?? false;
}

/** The file that an import of ours names; undefined: a package. `#core` is the index of its folder. */
export function targetOf({ file, specifier }: Import): string | undefined {
  if (specifier.startsWith('#')) return `${specifier.slice(1)}/index.ts`;
  return specifier.startsWith('.') ? relative(root, resolve(root, dirname(file), specifier)) : undefined;
}
