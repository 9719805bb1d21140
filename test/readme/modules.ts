/** Blocks of TypeScript and JavaScript as modules. */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Block } from './blocks.ts';

const preludes = fileURLToPath(new URL('preludes/', import.meta.url));

/** cli/host/README.md → preludes/cli-host.ts, if it is there. */
function preludeOf({ file }: Block): string | undefined {
  const path = join(preludes, `${file.replace(/\/README\.md$/, '').replaceAll('/', '-')}.ts`);
  return existsSync(path) ? path : undefined;
}

/** `Clock` and `type Port` of `Clock, type Port`. */
const namesIn = (list: string): string[] => list.match(/(?:\btype )?\w+(?=\s*(?:,|$))/g) ?? [];

/** What a module exports by `export const name` or `export { one, another } from …`. */
function exportsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const single = [...text.matchAll(/^export (?:declare )?(?:const|let|class|function) (\w+)/gm)].map(
    ([, name]) => name!,
  );
  const lists = [...text.matchAll(/^export (?:const )?\{([^}]*?),?\s*\}/gm)].flatMap(([, list]) => namesIn(list!));
  return [...single, ...lists];
}

/** What a block imports or declares, wherever in it. */
const declaredIn = (text: string): string[] =>
  [...text.matchAll(/\b(?:const|let|class|function|using|import) (?:[{[]([^}\]]*?),?\s*[}\]]|(\w+))/g)].flatMap(
    ([, list, name]) => (name === undefined ? namesIn(list!) : [name]),
  );

/** A module in this folder: the block, and an import of what the README's prelude exports and the block does not declare itself. */
export function moduleOf(block: Block, folder: string): string {
  const prelude = preludeOf(block);
  if (!prelude) return `${block.text}export {};\n`;
  const declared = new Set(declaredIn(block.text));
  const names = exportsOf(prelude).filter(
    name => !declared.has(name) && !(block.language === 'js' && /^type /.test(name)),
  );
  return `import { ${names.join(', ')} } from '${relative(folder, prelude)}';\n${block.text}`;
}
