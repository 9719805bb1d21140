/** Plugins by file or package name, relative to the working folder. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Registry } from '#machines';
import { type ImportModule, loadPlugin } from '#plugins';

const importPlugin: ImportModule = async specifier => {
  const file = resolve(specifier);
  if (existsSync(file)) return import(pathToFileURL(file).href);
  const found = createRequire(pathToFileURL(resolve('package.json'))).resolve(specifier);
  return import(pathToFileURL(found).href);
};

/** The shipped components and those of the plugins named. */
export async function registryWith(plugins: readonly string[]): Promise<Registry> {
  const registry = new Registry();
  for (const specifier of plugins) registry.add(await loadPlugin(specifier, importPlugin));
  return registry;
}
