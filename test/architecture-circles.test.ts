/** Circles of imports. A circle of values depends on which file is loaded first; one of types only ties files to each other. */
import test from 'ava';
import { files, type Import, importsOf, targetOf } from './support/imports.ts';

const folders = ['core', 'devices', 'accelerators', 'machines', 'plugins', 'cli', 'bench', 'examples', 'test'];
const all = ['index.ts', ...folders.flatMap(files)].flatMap(importsOf);

/** Circles of types that are there on purpose: no file may join one, and no other may come. */
const typeCircles: readonly { readonly why: string; readonly files: readonly string[] }[] = [
  {
    why: 'a value of the IR is folded when it is made, and an effect, a helper and a routine are said in values',
    files: [
      'effect',
      'fold',
      'helper-rows/float',
      'helper-rows/system',
      'helper-rows/vector',
      'helper-rows/virtual',
      'helpers',
      'operations',
      'routine',
      'value',
      'vector',
    ].map(name => `core/processor/ir/${name}.ts`),
  },
  {
    why: 'the nodes of the IR contain each other, and so do the functions that write them',
    files: ['arithmetic-nodes', 'element', 'leaf-nodes', 'target', 'values', 'vector', 'width-nodes'].map(
      name => `core/processor/wasm/${name}.ts`,
    ),
  },
  {
    why: 'semantics are written against a tracer, which has a form, which has an instruction, which has semantics; a VEX form runs them by lane',
    files: [
      'form',
      'instruction',
      'memory-operand',
      'operand',
      'place-operand',
      'tracer',
      'vex-operand',
      'vex-run',
    ].map(name => `core/processor/isa/${name}.ts`),
  },
  {
    why: 'a processor has parts that know their processor',
    files: ['core', 'descriptor', 'stack-frame', 'virtualization'].map(name => `core/processor/cpu/${name}.ts`),
  },
  { why: 'as above', files: ['core/processor/cpu/cpu.ts', 'core/processor/cpu/run-loop.ts'] },
  { why: 'as above', files: ['core/processor/cpu/host-processor.ts', 'core/processor/cpu/host.ts'] },
  { why: 'as above', files: ['core/processor/cpu/svm/helpers.ts', 'core/processor/cpu/svm/svm.ts'] },
  {
    why: 'as above',
    files: ['helpers', 'invalidation', 'vmx'].map(name => `core/processor/cpu/vmx/${name}.ts`),
  },
  {
    why: 'a machine has processors, and a processor has its machine',
    files: ['accelerators/machine.ts', 'accelerators/processor.ts'],
  },
  {
    why: 'a VCPU is a part of the context in which the driver works on it',
    files: ['accelerators/nvmm/x86/context.ts', 'accelerators/nvmm/x86/vcpu.ts'],
  },
  {
    why: 'an event is given to a VCPU, which gives some itself',
    files: ['accelerators/nvmm/svm/event.ts', 'accelerators/nvmm/svm/vcpu.ts'],
  },
  {
    why: 'as above',
    files: ['context', 'cpuid', 'event', 'msr', 'vcpu'].map(name => `accelerators/nvmm/vmx/${name}.ts`),
  },
  {
    why: 'a state is checked against the machine that is restored',
    files: ['machines/check-state.ts', 'machines/machine-state.ts'],
  },
  {
    why: 'helpers of a user machine are called with it',
    files: ['float-helpers', 'user-helpers', 'user-machine'].map(name => `test/support/${name}.ts`),
  },
];

/** Strongly connected files: each reaches every other. Tarjan's algorithm. */
function circles(imports: readonly Import[]): string[][] {
  const edges = new Map<string, string[]>();
  for (const each of imports) {
    const target = targetOf(each);
    if (target === undefined) continue;
    const targets = edges.get(each.file);
    if (targets) targets.push(target);
    else edges.set(each.file, [target]);
  }
  const found: string[][] = [];
  const numbers = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const visit = (file: string): void => {
    numbers.set(file, numbers.size);
    lowest.set(file, numbers.get(file)!);
    stack.push(file);
    for (const next of edges.get(file) ?? []) {
      if (!numbers.has(next)) {
        visit(next);
        lowest.set(file, Math.min(lowest.get(file)!, lowest.get(next)!));
      } else if (stack.includes(next)) {
        lowest.set(file, Math.min(lowest.get(file)!, numbers.get(next)!));
      }
    }
    if (lowest.get(file) !== numbers.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1 || edges.get(file)?.includes(file)) found.push(circle.sort());
  };
  for (const file of edges.keys()) if (!numbers.has(file)) visit(file);
  return found;
}

test('the finder sees circles, and none where there is none', t => {
  const imports = (text: string): Import[] =>
    text.split(' ').map(pair => ({ file: pair[0], specifier: `./${pair[1]}`, typesOnly: false }));
  t.deepEqual(circles(imports('ab bc ad dc')), []);
  t.deepEqual(circles(imports('ab bc ca cd de ed ff')), [['d', 'e'], ['a', 'b', 'c'], ['f']]);
});

test('no circle of values', t => {
  t.deepEqual(circles(all.filter(({ typesOnly }) => !typesOnly)), []);
});

test('no circle of types but those that are there on purpose', t => {
  const wrong = circles(all).filter(
    circle => !typeCircles.some(known => circle.every(file => known.files.includes(file))),
  );
  t.deepEqual(wrong, []);
});
