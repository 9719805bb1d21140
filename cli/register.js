// Lets Node import TypeScript as virt64 is written, decorators included: its own files, also below node_modules, and plugins
// wherever they are. For programs: node --import virt64/register program.ts
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/esm/api';

register({ tsconfig: fileURLToPath(new URL('./runtime.tsconfig.json', import.meta.url)) });

// Plugins mean this virt64, whether or not one is installed beside them, and are modules, whether or not a package.json says so.
const index = new URL('../index.ts', import.meta.url).href;
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier === 'virt64' ? index : specifier, context);
    return /\.ts$/.test(found.url) ? { ...found, format: 'module-typescript' } : found;
  },
});
