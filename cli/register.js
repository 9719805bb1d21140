// Lets Node import TypeScript as virt64 is written, decorators included: its own files, also below node_modules, and plugins
// wherever they are. For programs: node --import virt64/register program.ts
import './node-version.js';
import nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';

const { register } = await import('tsx/esm/api');
register({ tsconfig: fileURLToPath(new URL('./runtime.tsconfig.json', import.meta.url)) });

// Plugins mean this virt64, whether or not one is installed beside them, and are modules, whether or not a package.json says so.
const ours = {
  virt64: new URL('../index.ts', import.meta.url).href,
  'virt64/node': new URL('./node.ts', import.meta.url).href,
};
// Not imported by name: an older Node would complain of that before it comes to the version.
nodeModule.registerHooks({
  resolve(specifier, context, next) {
    const found = next(Object.hasOwn(ours, specifier) ? ours[specifier] : specifier, context);
    return /\.ts$/.test(found.url) ? { ...found, format: 'module-typescript' } : found;
  },
});
