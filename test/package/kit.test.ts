/** Tests that are written with `virt64/testing` run in three test runners; the README of test/kit shows these files. */
import test from 'ava';
import { type Ended, type Project, project } from './installed.ts';

/** Two of a device, and those of the contract. */
const least = 250;

interface Runner {
  readonly run: (tests: Project) => Ended;
  /** How many tests have passed, in what it prints. */
  readonly passed: RegExp;
}

const runners: Readonly<Record<string, Runner>> = {
  ava: { run: tests => tests.npx('ava'), passed: /(\d+) tests passed/ },
  vitest: { run: tests => tests.npx('vitest', 'run'), passed: /Tests +(\d+) passed \(\1\)/ },
  'node-test': { run: tests => tests.node('--test', '--test-reporter=tap'), passed: /^# pass (\d+)$/m },
};

for (const [runner, { run, passed }] of Object.entries(runners)) {
  test.serial(`the kit's snippets pass: ${runner}`, async t => {
    const { status, stdout, stderr } = run(await project(t, `kit-${runner}`));
    const said = stdout.slice(-3000) + stderr.slice(-3000);
    t.is(status, 0, said);
    t.true(Number(passed.exec(stdout)?.[1]) > least, said);
  });

  test.serial(`the kit's snippets pass the compiler: ${runner}`, async t => {
    const tests = await project(t, `kit-${runner}`);
    const options =
      '--noEmit --strict --module nodenext --target es2024 --lib es2024,esnext.disposable,dom --types node';
    const compiler = '../../node_modules/typescript-7/bin/tsc';
    const { status, stdout } = tests.node(
      compiler,
      ...options.split(' '),
      '--ignoreConfig',
      '--skipLibCheck',
      'device.test.ts',
      'contract.test.ts',
    );
    t.is(status, 0, stdout);
  });
}

test.serial('a bundle for browsers runs the contract’s suite', async t => {
  const page = await project(t);
  page.write(
    'page.js',
    `import { accelerators } from 'virt64/accelerators';
    import { contractCases, DeviceBoard } from 'virt64/testing';
    const software = accelerators.find(({ name }) => name === 'software');
    const cases = contractCases(options => software.create(options));
    for (const { run } of cases) run();
    console.log(cases.length, new DeviceBoard().in(0x80));`,
  );
  const built = page.npx('esbuild', 'page.js', '--bundle', '--platform=browser', '--format=esm', '--outfile=bundle.js');
  t.is(built.status, 0, built.stderr);
  // What only Node has is not there.
  page.write('start.js', `delete globalThis.Buffer;\ndelete globalThis.process;\nawait import('./bundle.js');`);
  const { status, stdout, stderr } = page.node('start.js');
  t.is(status, 0, stderr);
  const [, cases, read] = /^(\d+) (\d+)\n$/.exec(stdout) ?? [];
  t.true(Number(cases) > least, stdout);
  t.is(read, '255');
});
