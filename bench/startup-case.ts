/** How long the package takes until it can do something, and how large it is in a bundle. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { type CaseResult, type Say, takeTurns } from './case.ts';
import { type Command, observe } from './observe.ts';
import { installPackage } from './package.ts';

export interface StartupCaseOptions {
  readonly repetitions: number;
  readonly folder: string;
  readonly say: Say;
}

/** Each takes so little that many turns are cheap; the first of them warms the caches. */
const turns = 5;
const patience = 60;

export async function measureStartup({ repetitions, folder, say }: StartupCaseOptions): Promise<CaseResult> {
  say('startup');
  const installed = installPackage(folder);
  const script = async (name: string, text: string): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, text);
    return file;
  };
  const node = (name: string, ...args: readonly string[]): Command & { readonly name: string } => ({
    name,
    program: process.execPath,
    arguments: args,
  });
  const contenders = [
    node('Node alone', await script('nothing.mjs', "console.log('0');")),
    node('virt64 --version', join(installed, 'cli/bin.js'), '--version'),
    node("import 'virt64'", await script('import.mjs', "import 'virt64';\nconsole.log('0');")),
  ];
  const results = await takeTurns(
    contenders,
    repetitions * turns,
    contender => observe(contender, { until: /\d\n/ }, patience),
    say,
  );
  return { name: 'startup', description: 'from the start of the process', results, bundle: await bundle(folder) };
}

/** Bytes of all that `virt64` exports and what that needs. */
async function bundle(folder: string): Promise<NonNullable<CaseResult['bundle']>> {
  const { outputFiles } = await build({
    stdin: { contents: "export * from 'virt64';", resolveDir: folder },
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
  });
  const { contents } = outputFiles[0];
  return { minified: contents.length, compressed: gzipSync(contents, { level: 9 }).length };
}
