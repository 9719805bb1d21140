/** The package as others get it: packed, unpacked elsewhere below node_modules, started and imported from there. */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { tarball } from '../package/installed.ts';

const root = dirname(fileURLToPath(new URL('../../package.json', import.meta.url)));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'virt64-package-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

function run(program: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** A program that comes with another package of this checkout. */
const runTool = (path: string, ...args: string[]) => run(process.execPath, join(root, 'node_modules', path), ...args);

test('npm pack holds all that runs', async t => {
  t.timeout(600_000);
  const archive = await tarball();
  const lint = runTool('publint/src/cli.js', 'run', archive, '--strict');
  t.is(lint.status, 0, lint.stdout);
  const types = runTool('@arethetypeswrong/cli/dist/index.js', archive, '--profile', 'esm-only');
  t.is(types.status, 0, types.stdout);

  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'virt64'), { recursive: true });
  t.is(run('tar', 'xzf', archive, '-C', join(modules, 'virt64'), '--strip-components=1').status, 0);
  for (const name of ['eventemitter3', 'reflect-metadata', 'tsx', 'tsyringe']) {
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  const bin = join(modules, 'virt64', 'cli', 'bin.js');

  const demo = run(process.execPath, bin, 'demo');
  t.is(demo.status, 0, demo.stderr);
  t.is(demo.stdout.match(/all well/g)?.length, 2);

  // A program that imports the package, and a plugin in a folder that has no package.json at all.
  writeFileSync(
    join(folder, 'program.ts'),
    `import { build, toyvirt, type Outcome } from 'virt64';
    import { accelerators } from 'virt64/accelerators';
    import { FileDisk } from 'virt64/node';
    const disk = await FileDisk.open('disk.img', { readOnly: true });
    await using machine = await build(toyvirt, { accelerator: accelerators[1] });
    const outcome: Outcome = await machine.run({ until: /paging: ok/, timeout: '1 s' });
    console.log(outcome.kind, disk.size);
    await disk.close();`,
  );
  writeFileSync(join(folder, 'disk.img'), new Uint8Array(1024));
  const program = run(process.execPath, 'program.ts');
  t.is(program.stdout, 'until 1024\n', program.stderr);

  // What classes are called is seen in messages and by debuggers.
  const names = `const modules = await Promise.all(['virt64', 'virt64/devices', 'virt64/accelerators', 'virt64/node'].map(name => import(name)));
    const classes = modules.flatMap(Object.entries).filter(([, value]) => /^class\\b/.test(value));
    console.log(classes.length > 30, classes.filter(([name, value]) => value.name !== name).map(([name]) => name).join());`;
  t.is(run(process.execPath, '--input-type=module', '-e', names).stdout, 'true \n');

  // Nothing but a plugin that is TypeScript needs tsx.
  renameSync(join(modules, 'tsx'), join(modules, 'no-tsx'));
  t.is(run(process.execPath, bin, '--version').stdout, `${version}\n`);
  writeFileSync(join(folder, 'plugin.mjs'), "export { toyvirt as default } from 'virt64';");
  const machines = run(process.execPath, bin, 'machines', '--plugin', './plugin.mjs');
  t.regex(machines.stderr, /a machine profile called toyvirt/, 'its virt64 is the running one');
  renameSync(join(modules, 'no-tsx'), join(modules, 'tsx'));

  const plugin = join(modules, 'virt64', 'examples', 'dice', 'dice.ts');
  writeFileSync(join(folder, 'dice.ts'), `export * from ${JSON.stringify(plugin)};`);
  t.regex(run(process.execPath, bin, 'machines', '--plugin', './dice.ts').stdout, /^casino/m);

  // What a plugin's device throws is said with the plugin's own line, and none of virt64's.
  copyFileSync(new URL('throwing-device.ts', import.meta.url), join(folder, 'throwing.ts'));
  const thrown = run(process.execPath, bin, 'run', '-M', 'party', '--plugin', './throwing.ts');
  t.regex(thrown.stderr, /bang.*throwing\.ts:\d+:\d+|throwing\.ts:\d+:\d+.*bang/s);
});
