/** virt64 new: an example to begin with, a folder with a package.json, made of the folder of its kind here. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { MachineError } from '#core';
import { examples, version } from '#installation';
import { suggestion } from '#machines';
import { parseCommand } from '../arguments.ts';
import { exampleKinds } from '../commands.ts';
import { ExitCode } from '../exit-code.ts';
import { optionHelp } from '../option-help.ts';
import { commonOptions } from '../options.ts';
import { print } from '../output.ts';

const help = `Usage: virt64 new device|profile|test NAME

Writes a folder NAME with an example that works, and its test, package.json,
tsconfig.json and README.md.

${optionHelp(commonOptions)}`;

export async function newExample(args: readonly string[]): Promise<number> {
  const [kind, name] = args.filter(arg => !arg.startsWith('-'));
  const options = args.filter(arg => arg !== kind && arg !== name);
  if (parseCommand('new', options, commonOptions).help) {
    print(help);
    return ExitCode.ok;
  }
  requireKind(kind);
  requireName(name);
  await write(kind, name);
  print(
    `${name}/ has a ${kind} and its test. Try it:\n\n  cd ${name}\n  npm install\n  npm test\n\nREADME.md says more.`,
  );
  return ExitCode.ok;
}

type Kind = (typeof exampleKinds)[number];

function requireKind(kind: string | undefined): asserts kind is Kind {
  if (exampleKinds.some(each => each === kind)) return;
  throw new MachineError('bad-argument', kind === undefined ? 'a new what?' : `there is no example of a ${kind}`, {
    remedy: suggestion('example', kind ?? '', exampleKinds),
  });
}

function requireName(name: string | undefined): asserts name is string {
  if (name !== undefined && /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) return;
  throw new MachineError('bad-argument', name === undefined ? 'it needs a name' : `${name} is no name for it`, {
    remedy: 'give a word of small letters, digits and hyphens: virt64 new device door-bell',
  });
}

/** Nothing is overwritten: the folder must be new. */
async function write(kind: Kind, name: string): Promise<void> {
  await mkdir(name).catch((error: NodeJS.ErrnoException) => {
    throw new MachineError('bad-argument', `the folder ${name} cannot be made: ${error.message}`, {
      remedy: error.code === 'EEXIST' ? 'give another name' : 'make it possible, or go to another folder',
      cause: error,
    });
  });
  await writeFile(`${name}/package.json`, `${JSON.stringify(packageFor(kind, name), null, 2)}\n`);
  for (const folder of ['common', kind]) {
    for (const file of await readdir(new URL(folder, examples))) {
      const text = await readFile(new URL(`${folder}/${file}`, examples), 'utf8');
      await writeFile(`${name}/${named(file, name)}`, named(text, name));
    }
  }
}

/** Made here: a package.json among the examples would count as one of virt64's own. */
const packageFor = (kind: Kind, name: string): object => ({
  name,
  version: '0.1.0',
  private: true,
  type: 'module',
  ...(kind === 'test' ? {} : { exports: `./${name}.ts` }),
  scripts: { check: 'tsc', test: 'node --test' },
  devDependencies: { '@types/node': '^26.6.6', typescript: '^7.0.2', virt64: `^${version}` },
});

/** Examples are called sample, in strings and names of files, and Sample, as classes. */
const named = (text: string, name: string): string =>
  text.replaceAll('Sample', className(name)).replaceAll('sample', name);

const className = (name: string): string => name.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
