/** Plugins by file or package name, relative to the working folder. */
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MachineError } from '#core';
import { shareEntries } from '#installation';
import { Registry } from '#machines';
import { type ImportModule, loadPlugin } from '#plugins';

const importPlugin: ImportModule = async specifier => {
  const file = resolve(specifier);
  const status = statSync(file, { throwIfNoEntry: false });
  if (status?.isFile()) return importFile(file);
  if (isAbsolute(specifier) || /^\.{0,2}\//.test(specifier)) {
    const what = status ? 'it is no file' : 'there is no such file';
    throw new MachineError('file-not-found', `${specifier}: ${what}`, { path: '--plugin', remedy: 'check the name' });
  }
  return importFile(packageFile(specifier));
};

/** What the file imports of virt64 is what is running here. TypeScript takes a loader, since Node's own cannot read decorators. */
async function importFile(file: string): Promise<Readonly<Record<string, unknown>>> {
  if (/\.[cm]?tsx?$/.test(file)) await import('virt64/register');
  shareEntries();
  return import(pathToFileURL(file).href);
}

function packageFile(name: string): string {
  try {
    return createRequire(resolve('package.json')).resolve(name);
  } catch (cause) {
    throw new MachineError('file-not-found', `there is neither a file nor a package ${name}`, {
      path: '--plugin',
      remedy: 'check the name; a file is named as ./plugin.ts, a package must be installed here',
      cause,
    });
  }
}

/** The shipped components and those of the plugins named. */
export async function registryWith(plugins: readonly string[]): Promise<Registry> {
  const registry = new Registry();
  for (const specifier of new Set(plugins)) registry.add(await loadPlugin(specifier, importPlugin));
  return registry;
}
