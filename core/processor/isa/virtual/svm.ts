/** SVM instructions (APM vol. 2, chapter 15). */
import { type Instruction, instruction } from '../instruction.ts';
import type { Tracer } from '../tracer.ts';

const accumulator = (cpu: Tracer) => cpu.register(0, cpu.addressWidth).read().zeroExtend(64);

const onAddress = (name: 'vmrun' | 'vmload' | 'vmsave', opcode: string): Instruction =>
  instruction(name, {
    encodings: [[opcode]],
    varies: ['address'],
    feature: 'svm',
    semantics(cpu) {
      cpu.call(name, accumulator(cpu));
    },
  });

const plain = (name: 'stgi' | 'clgi', opcode: string): Instruction =>
  instruction(name, {
    encodings: [[opcode]],
    feature: 'svm',
    semantics(cpu) {
      cpu.call(name);
    },
  });

export const VMRUN = onAddress('vmrun', '0f 01 d8');
export const VMLOAD = onAddress('vmload', '0f 01 da');
export const VMSAVE = onAddress('vmsave', '0f 01 db');
export const STGI = plain('stgi', '0f 01 dc');
export const CLGI = plain('clgi', '0f 01 dd');

/** Without SVM this may still be a hypervisor's patch point: the helper decides on #UD. */
export const VMMCALL = instruction('vmmcall', {
  encodings: [['0f 01 d9']],
  semantics(cpu) {
    cpu.call('vmmcall');
  },
});

export const SKINIT = instruction('skinit', {
  encodings: [['0f 01 de']],
  feature: 'svm',
  semantics(cpu) {
    cpu.call('skinit', cpu.register(0, 32).read());
  },
});

export const INVLPGA = instruction('invlpga', {
  encodings: [['0f 01 df']],
  varies: ['address'],
  feature: 'svm',
  semantics(cpu) {
    cpu.call('invlpga', accumulator(cpu), cpu.register(1, 32).read());
  },
});
