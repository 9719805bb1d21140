export { simd } from '../../../core/processor/ir/vector.ts';
export { flagsOfSum } from '../../../core/processor/isa/flags.ts';
export { instruction } from '../../../core/processor/isa/instruction.ts';
export { aluBlock } from '../../../core/processor/isa/notation.ts';
