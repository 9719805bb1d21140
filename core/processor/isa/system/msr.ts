/** RDMSR, WRMSR, RDTSC, RDTSCP, RDPMC, CPUID, RDRAND, RDSEED (SDM vol. 2). */
import { constant, no, type Value } from '../../ir/value.ts';
import { type Instruction, instruction } from '../instruction.ts';

export const RDMSR = instruction('rdmsr', {
  encodings: [['0f 32']],
  feature: 'msr',
  privileged: true,
  semantics(cpu) {
    cpu.call('rdmsr');
  },
});

export const WRMSR = instruction('wrmsr', {
  encodings: [['0f 30']],
  feature: 'msr',
  privileged: true,
  semantics(cpu) {
    cpu.call('wrmsr');
  },
});

export const RDTSC = instruction('rdtsc', {
  encodings: [['0f 31']],
  feature: 'tsc',
  semantics(cpu) {
    cpu.call('rdtsc');
  },
});

export const RDTSCP = instruction('rdtscp', {
  encodings: [['0f 01 f9']],
  feature: 'rdtscp',
  semantics(cpu) {
    cpu.call('rdtscp');
  },
});

export const RDPMC = instruction('rdpmc', {
  encodings: [['0f 33']],
  semantics(cpu) {
    cpu.call('rdpmc');
  },
});

export const CPUID = instruction('cpuid', {
  encodings: [['0f a2']],
  intercept: 'cpuid',
  semantics(cpu) {
    cpu.call('cpuid');
  },
});

const random = (name: 'rdrand' | 'rdseed', extension: number): Instruction =>
  instruction(name, {
    encodings: [[`nr 0f c7 /${extension} reg`, 'Rv']],
    feature: name,
    intercept: name,
    semantics(cpu, target) {
      const [value, present] = cpu.call(name, constant(32, target!.width)) as [Value, Value];
      target!.write(value.resize(target!.width));
      cpu.setFlags({ cf: present, pf: no, af: no, zf: no, sf: no, of: no });
    },
  });

export const RDRAND = random('rdrand', 6);
export const RDSEED = random('rdseed', 7);
