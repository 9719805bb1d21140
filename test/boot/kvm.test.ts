/** Truth about SVM and VMX from outside: Linux's own hypervisor, KVM, as a guest of `software`, and guests of its own in it. */
import test from 'ava';
import { amd, intel } from '#core';
import { build, pc } from '#machines';
import { guest } from '../../cli/fetch/initrd.ts';
import { compiled } from '../support/compiled.ts';

/** The little hypervisor. */
const client = compiled(new URL('kvm-client.c', import.meta.url));
/** Without gcc or the kernel's headers these tests are shown as skipped. */
const whereCompiled = client ? test.serial : test.skip;

const expected = `api c
out 3f8
 value 35
in 3f8
write 8000
 value 5a
window
out e9
 value 49
halted at 1018
out e9
 value 56789abc
write 3f8000
 value 1234
out e9
 value 1021
halted at 2007
status 0
`;

interface Variant {
  readonly model: typeof amd;
  readonly module: 'kvm_amd' | 'kvm_intel';
  /** The module's parameter about nested page tables. */
  readonly tables: 'npt' | 'ept';
}

const without = ['monitor', 'rdtscp', 'invpcid', 'pcid', 'mce', 'mca', 'mtrr'];

const variants: Readonly<Record<string, Variant>> = {
  SVM: { model: amd, module: 'kvm_amd', tables: 'npt' },
  VMX: { model: intel, module: 'kvm_intel', tables: 'ept' },
};

const between = (text: string, from: string, to: string): string =>
  text.slice(text.indexOf(from) + from.length, text.indexOf(to));

for (const [name, { model, module, tables }] of Object.entries(variants))
  whereCompiled(`KVM on ${name}, with nested page tables and with shadow ones`, async t => {
    const { kernel, initrd } = await guest({
      modules: [module],
      script: `
        dmesg -n 1
        parameter=/sys/module/${module}/parameters/${tables}
        echo FIRST; cat $parameter; client; echo status $?; echo LAST
        rmmod ${module}; modprobe ${module} ${tables}=0
        echo SECOND; cat $parameter; client; echo status $?; echo END
        echo COMPLAINTS; dmesg | sed '1,/Run .init/d' | grep -E 'unchecked MSR|WARNING:|BUG:|Oops'; echo NONE`,
      files: [{ kind: 'file', path: 'bin/client', content: client!, mode: 0o755 }],
    });
    const machine = pc.with({
      cpu: model({ virtualization: true, without }),
      boot: { kind: 'kernel', kernel, initrd, commandLine: 'console=ttyS0 panic=-1' },
    });
    await using running = await build(machine, { accelerator: 'software' });
    t.deepEqual(await running.run({ timeout: '20 s' }), { kind: 'powerOff' });
    const log = running.serial.text.replaceAll('\r', '');
    t.is(between(log, 'FIRST\n', 'LAST\n'), `Y\n${expected}`);
    t.is(between(log, 'SECOND\n', 'END\n'), `N\n${expected}`);
    t.is(between(log, 'COMPLAINTS\n', 'NONE\n'), '');
  });
