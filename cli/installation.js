// Where this virt64 lies: a checkout, whose TypeScript runs as it stands, or the package, where it is compiled. Plain JavaScript, since it is
// asked before anything can read TypeScript.
import { existsSync, readFileSync } from 'node:fs';
import nodeModule from 'node:module';

const root = new URL('../', import.meta.url);
const { exports, version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));

export { version };

/** What `virt64 new` writes: a folder for each kind. */
export const examples = new URL('cli/new/', root);

/** Only a checkout has what compiles it. */
export const isCheckout = existsSync(new URL('tsconfig.build.json', root));

/** Of a module of the package as package.json names it: in a checkout its source. */
const located = path => new URL(isCheckout ? path.replace(/^\.\/dist\/(.*)\.js$/, '$1.ts') : path, root).href;

const entries = new Map(
  Object.entries(exports).map(([name, path]) => [name.replace('.', 'virt64'), located(path.default ?? path)]),
);

let shared = false;

/** From now on modules that import `virt64` by its name, wherever they lie, get this one, whether or not another is installed beside them. */
export function shareEntries() {
  if (shared) return;
  shared = true;
  // Not imported by name: an older Node would complain of that before it comes to the version.
  nodeModule.registerHooks({
    resolve: (specifier, context, next) => next(entries.get(specifier) ?? specifier, context),
  });
}
