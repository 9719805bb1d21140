/** The package's entry points: what they are called, and that nothing of virt64's inside is among them. */
import { readFileSync } from 'node:fs';
import test from 'ava';

const text = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
const json = (file: string) => JSON.parse(text(file));

/** virt64/devices → devices/public.ts, as package.json has it. */
const sources: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(json('package.json').exports as Record<string, string>).flatMap(([name, path]) => {
    const compiled = /^\.\/dist\/(.*)\.js$/.exec(path);
    return compiled ? [[name.replace('.', 'virt64'), `${compiled[1]}.ts`]] : [];
  }),
);

test('a checkout has the entry points of the package, and the package compiles them', t => {
  const { paths } = json('tsconfig.json').compilerOptions;
  t.deepEqual(paths, Object.fromEntries(Object.entries(sources).map(([name, file]) => [name, [`./${file}`]])));
  // For compilers that read no exports.
  const declarations = Object.entries(sources).map(([name, file]) => [
    name.replace(/^virt64\/?/, ''),
    [`./dist/${file.replace(/\.ts$/, '.d.ts')}`],
  ]);
  const [[, [main]], ...others] = declarations as [[string, string[]], ...[string, string[]][]];
  t.is(json('package.json').types, main);
  t.deepEqual(json('package.json').typesVersions['*'], Object.fromEntries(others));
  const { files } = json('tsconfig.build.json');
  t.deepEqual(
    Object.values(sources).filter(file => !files.includes(file)),
    [],
  );
});

test('all that a module exports is named, one by one', t => {
  const rooms = ['accelerators', 'core', 'devices', 'machines', 'plugins'].map(folder => `${folder}/index.ts`);
  for (const file of [...Object.values(sources), ...rooms]) t.notRegex(text(file), /export \*/, file);
});

test('one name means one thing in all entry points', async t => {
  const modules = await Promise.all(Object.keys(sources).map(name => import(name)));
  const known = new Map<string, unknown>();
  for (const module of modules) {
    for (const [name, value] of Object.entries(module)) {
      t.is(known.get(name) ?? value, value, name);
      known.set(name, value);
    }
  }
  for (const name of ['build', 'Device', 'VirtualMachine', 'MachineError', 'FileDisk']) t.true(known.has(name), name);
});
