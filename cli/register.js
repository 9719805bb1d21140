// Lets Node import TypeScript with decorators, which it cannot by itself: a checkout's own files, and programs and plugins wherever they are.
// For programs: node --import virt64/register program.ts
import './node-version.js';
import nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import { shareEntries } from './installation.js';

const { register } = await import('tsx/esm/api');
register({ tsconfig: fileURLToPath(new URL('./runtime.tsconfig.json', import.meta.url)) });
shareEntries();
// Such files are modules, whether or not a package.json says so.
nodeModule.registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    return /\.ts$/.test(found.url) ? { ...found, format: 'module-typescript' } : found;
  },
});
