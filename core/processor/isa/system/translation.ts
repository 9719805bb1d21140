/** INVLPG, INVPCID, INVD, WBINVD, CLFLUSH (SDM vol. 2). Caches are not modelled: these check, and do no more. */
import { instruction } from '../instruction.ts';

export const INVLPG = instruction('invlpg', {
  encodings: [['0f 01 /7 mem', 'Mb']],
  privileged: true,
  semantics(cpu, place) {
    cpu.call('invlpg', place!.segment(), place!.offset());
  },
});

export const INVPCID = instruction('invpcid', {
  encodings: [
    ['66 0f 38 82', 'Gd', 'Mdq', { no64: true }],
    ['66 0f 38 82', 'Gq', 'Mdq', { only64: true }],
  ],
  feature: 'invpcid',
  semantics(cpu, type, descriptor) {
    cpu.call('invpcid', type!.read().zeroExtend(64), descriptor!.segment(), descriptor!.offset());
  },
});

export const INVD = instruction('invd', {
  encodings: [['0f 08']],
  privileged: true,
  intercept: 'invd',
  semantics() {},
});

export const WBINVD = instruction('wbinvd', {
  encodings: [['0f 09']],
  privileged: true,
  intercept: 'wbinvd',
  semantics() {},
});

/** These need a readable byte, but do not read it: a device's register at that place keeps what a read would clear. */
export const CLFLUSH = instruction('clflush', {
  encodings: [['np 0f ae /7 mem', 'Mb']],
  feature: 'clflush',
  semantics(_cpu, place) {
    place!.probeRead();
  },
});

export const CLFLUSHOPT = instruction('clflushopt', {
  encodings: [['66 0f ae /7 mem', 'Mb']],
  feature: 'clflushopt',
  semantics(_cpu, place) {
    place!.probeRead();
  },
});

export const CLWB = instruction('clwb', {
  encodings: [['66 0f ae /6 mem', 'Mb']],
  feature: 'clwb',
  semantics(_cpu, place) {
    place!.probeRead();
  },
});
