// Lets Node import TypeScript as virt64 is written, decorators included: its own files, also below node_modules, and plugins
// wherever they are. For programs: node --import virt64/register program.ts
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/esm/api';

register({ tsconfig: fileURLToPath(new URL('./runtime.tsconfig.json', import.meta.url)) });
