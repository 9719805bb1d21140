/** VMX instructions (SDM vol. 3, chapter 31). */
import { constant, type Value } from '../../ir/value.ts';
import { flagsFromImage } from '../flags.ts';
import { type Instruction, instruction } from '../instruction.ts';

const plain = (name: 'vmlaunch' | 'vmresume' | 'vmxoff' | 'vmfunc', opcode: string): Instruction =>
  instruction(name, {
    encodings: [[opcode]],
    feature: 'vmx',
    semantics(cpu) {
      cpu.call(name);
    },
  });

export const VMLAUNCH = plain('vmlaunch', 'np 0f 01 c2');
export const VMRESUME = plain('vmresume', 'np 0f 01 c3');
export const VMXOFF = plain('vmxoff', 'np 0f 01 c4');
export const VMFUNC = plain('vmfunc', 'np 0f 01 d4');

/** Outside VMX operation #UD: the helper's, so that a guest of any hypervisor can call. */
export const VMCALL = instruction('vmcall', {
  encodings: [['np 0f 01 c1']],
  semantics(cpu) {
    cpu.call('vmcall');
  },
});

const onMemory = (name: 'vmxon' | 'vmptrld' | 'vmptrst' | 'vmclear', opcode: string): Instruction =>
  instruction(name, {
    encodings: [[opcode, 'Mq']],
    feature: 'vmx',
    semantics(cpu, place) {
      cpu.call(name, place!.segment(), place!.offset());
    },
  });

export const VMXON = onMemory('vmxon', 'f3 0f c7 /6 mem');
export const VMPTRLD = onMemory('vmptrld', 'np 0f c7 /6 mem');
export const VMPTRST = onMemory('vmptrst', 'np 0f c7 /7 mem');
export const VMCLEAR = onMemory('vmclear', '66 0f c7 /6 mem');

/** A destination in memory must be writable before flags say that all went well. */
export const VMREAD = instruction('vmread', {
  encodings: [
    ['np 0f 78', 'Ed', 'Gd', { no64: true }],
    ['np 0f 78', 'Eq', 'Gq', { only64: true }],
  ],
  feature: 'vmx',
  semantics(cpu, target, field) {
    const [value, image] = cpu.call('vmread', field!.read().zeroExtend(64)) as [Value, Value];
    const failed = image.ne(0);
    cpu.setFlags(flagsFromImage(image), failed);
    cpu.finish(failed);
    target!.write(value.resize(target!.width));
    cpu.setFlags(flagsFromImage(constant(32, 0)));
  },
});

export const VMWRITE = instruction('vmwrite', {
  encodings: [
    ['np 0f 79', 'Gd', 'Ed', { no64: true }],
    ['np 0f 79', 'Gq', 'Eq', { only64: true }],
  ],
  feature: 'vmx',
  semantics(cpu, field, source) {
    if (source!.isMemory) cpu.call('vmwriteAdmitted');
    cpu.call('vmwrite', field!.read().zeroExtend(64), source!.read().zeroExtend(64));
  },
});

const invalidate = (name: 'invept' | 'invvpid', opcode: string): Instruction =>
  instruction(name, {
    encodings: [
      [opcode, 'Gd', 'Mdq', { no64: true }],
      [opcode, 'Gq', 'Mdq', { only64: true }],
    ],
    feature: 'vmx',
    semantics(cpu, type, descriptor) {
      cpu.call(name, type!.read().zeroExtend(64), descriptor!.segment(), descriptor!.offset());
    },
  });

export const INVEPT = invalidate('invept', '66 0f 38 80');
export const INVVPID = invalidate('invvpid', '66 0f 38 81');
