export { assemble } from '#core';
export { Decoded } from '../../../core/processor/decode/decoded.ts';
export { allDecodeFeatures, decode } from '../../../core/processor/decode/decoder.ts';
export { disassemble } from '../../../core/processor/decode/disassembler.ts';
export { mode64 } from '../../../core/processor/state/mode.ts';

export const bytes = [0x48, 0x01, 0xd8];
