/** A processor that an accelerator cannot give is refused by name; what it says that it gives works. */
import test from 'ava';
import { accelerators } from '../../accelerators/index.ts';
import { amd, announcedFeatures, type CpuModel, cpuModel, implementedFeatures, intel } from '../../core/index.ts';
import { guestModel } from '../../machines/guest-model.ts';
import { at, Guest, names } from './guest.ts';

const control = (bit: number): string => `mov rax, cr4\n or eax, ${1 << bit}\n mov cr4, rax`;
const extended = (bit: number): string => `mov ecx, 0xc0000080\n rdmsr\n or eax, ${1 << bit}\n wrmsr`;

const avxState = `mov rax, cr4\n or eax, 0x40000\n mov cr4, rax\n mov eax, 7\n xor edx, edx\n xor ecx, ecx\n xsetbv`;

/** What faults where the processor does not have it. */
const trials: Readonly<Record<string, string>> = {
  svm: extended(12),
  vmx: control(13),
  monitor: `mov eax, ${at.data}\n xor ecx, ecx\n xor edx, edx\n monitor`,
  rdtscp: 'rdtscp',
  invpcid: `mov eax, 2\n invpcid rax, [${at.data}]`,
  rdrand: 'rdrand eax',
  rdseed: 'rdseed eax',
  pdcm: 'mov ecx, 0x345\n rdmsr',
  pcid: control(17),
  umip: control(11),
  mce: control(6),
  movbe: `movbe eax, [${at.data}]`,
  popcnt: 'popcnt eax, ecx',
  clflushopt: `clflushopt [${at.data}]`,
  clwb: `clwb [${at.data}]`,
  xsaveopt: `mov rax, cr4\n or eax, 0x40000\n mov cr4, rax\n mov eax, 3\n xor edx, edx\n xsaveopt [${at.data}]`,
  avx: `${avxState}\n vaddps xmm0, xmm1, xmm2`,
  bmi1: 'andn eax, ecx, edx',
  bmi2: 'shlx eax, ecx, edx',
  xsavec: `mov rax, cr4\n or eax, 0x40000\n mov cr4, rax\n mov eax, 3\n xor edx, edx\n xsavec [${at.data}]`,
  cx16: `cmpxchg16b [${at.data}]`,
};

const withVirtualization = { svm: amd, vmx: intel } as const;
const plain = { debugControl: false, without: ['monitor', 'rdtscp', 'invpcid'] } as const;

/** A model that every accelerator gives, with one feature more. */
function modelWith(feature: string): CpuModel {
  const make = withVirtualization[feature as 'svm'];
  if (make) return make({ ...plain, virtualization: true });
  const without = plain.without.filter(name => name !== feature);
  return (feature === 'invpcid' || feature === 'pdcm' ? intel : amd)({ ...plain, without, also: [feature] });
}

for (const name of names) {
  const { features } = new Guest(name).accelerator;
  for (const [feature, code] of Object.entries(trials)) {
    if (features.cpuFeatures.has(feature))
      test(`${name}: a guest's processor that has ${feature} has it`, t => {
        const guest = new Guest(name, { cpu: modelWith(feature) }).long(`${code}\n hlt`);
        guest.msr = () => undefined;
        t.deepEqual(guest.run(), { reason: 'halt' });
        t.is(guest.vector, -1);
      });
    else
      test(`${name}: a processor with ${feature} is refused by that name`, t => {
        t.throws(() => new Guest(name, { cpu: modelWith(feature) }), {
          code: 'unsupported',
          message: new RegExp(`^cpu: ${name} cannot give a guest ${feature}, .*leave it out of the model`),
        });
      });
  }

  test(`${name}: DEBUGCTL is given or refused`, t => {
    const create = () => new Guest(name, { cpu: amd({ without: plain.without }) });
    if (features.debugControl) t.notThrows(create);
    else t.throws(create, { code: 'unsupported', message: /cannot give a guest DEBUGCTL/ });
  });

  test(`${name}: nesting is what the features of processors say`, t => {
    t.is(features.nesting, features.cpuFeatures.has('svm') && features.cpuFeatures.has('vmx'));
  });

  test(`${name}: what no processor here has is refused, by name or by its place`, t => {
    const { leaves, vendor } = amd(plain);
    const changed = leaves.map(leaf => (leaf.leaf === 1 ? { ...leaf, ecx: leaf.ecx | (1 << 2) | (1 << 9) } : leaf));
    const model = cpuModel({ name: 'mine', vendor, leaves: changed });
    t.throws(() => new Guest(name, { cpu: model }), {
      code: 'unsupported',
      message: /cannot give a guest ssse3, CPUID\.01H:ECX\[2\], which the model mine has/,
    });
  });

  test(`${name}: a model of another number of processors is refused`, t => {
    const cpu = amd({ ...plain, processors: 2 });
    t.throws(() => new Guest(name, { cpu }), { code: 'bad-call', message: /is of 2 processors, the machine has 1/ });
    t.notThrows(() => new Guest(name, { cpu, processors: 2 }));
  });

  test(`${name}: time is counted as the instance was created`, t => {
    const factory = accelerators.find(each => each.name === name)!;
    const options = { memory: 2 ** 20, processors: 1, cpu: amd(plain) };
    using counting = factory.create(options);
    using real = factory.create({ ...options, clock: () => 5 });
    t.deepEqual([counting.features.time, real.features.time], ['instructions', 'host']);
  });
}

test('the default models are what every accelerator gives', t => {
  for (const cpu of ['amd', 'intel'] as const) {
    for (const processors of [1, 2]) {
      const model = guestModel({ cpu, processors });
      t.is(model.processors, processors);
      for (const name of names) t.notThrows(() => new Guest(name, { cpu: model, processors }), `${cpu} on ${name}`);
    }
  }
});

test('models announce what is implemented, and nothing of a board unless it is asked for', t => {
  for (const make of [amd, intel]) {
    const model = make({ virtualization: true, entropy: true, processors: 4 });
    t.deepEqual(
      announcedFeatures(model).filter(feature => !implementedFeatures.has(feature)),
      [],
    );
    t.false(model.features.has('mtrr') || model.features.has('mca'));
    t.true(make({ also: ['mtrr'] }).features.has('mtrr'));
    t.is(model.processors, 4);
  }
  const bare = amd().leaves.filter(({ leaf }) => leaf !== 0xb);
  t.is(cpuModel({ name: 'bare', vendor: 'amd', leaves: bare }).processors, 1);
});
