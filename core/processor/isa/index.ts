/** All instructions: whatever the family files export. */

import * as controlCall from './control/call.ts';
import * as controlFar from './control/far.ts';
import * as controlInterrupt from './control/interrupt.ts';
import * as controlJump from './control/jump.ts';
import * as controlLoop from './control/loop.ts';
import * as controlSyscall from './control/syscall.ts';
import * as floatArithmetic from './float/arithmetic.ts';
import * as floatControl from './float/control.ts';
import * as floatTransfer from './float/transfer.ts';
import * as floatUnchecked from './float/unchecked.ts';
import type { Instruction } from './instruction.ts';
import * as integerAdd from './integer/add.ts';
import * as integerBit from './integer/bit.ts';
import * as integerBitField from './integer/bit-field.ts';
import * as integerByteSwap from './integer/byte-swap.ts';
import * as integerConditional from './integer/conditional.ts';
import * as integerConvert from './integer/convert.ts';
import * as integerCount from './integer/count.ts';
import * as integerDecimal from './integer/decimal.ts';
import * as integerDivide from './integer/divide.ts';
import * as integerExchange from './integer/exchange.ts';
import * as integerFlag from './integer/flag.ts';
import * as integerLogic from './integer/logic.ts';
import * as integerMove from './integer/move.ts';
import * as integerMultiply from './integer/multiply.ts';
import * as integerNop from './integer/nop.ts';
import * as integerRotate from './integer/rotate.ts';
import * as integerShift from './integer/shift.ts';
import * as integerSubtract from './integer/subtract.ts';
import * as integerTable from './integer/table.ts';
import * as stackFrame from './stack/frame.ts';
import * as stackPop from './stack/pop.ts';
import * as stackPush from './stack/push.ts';
import * as stringCompare from './string/compare.ts';
import * as stringMove from './string/move.ts';
import * as stringPort from './string/port.ts';
import * as stringRepeat from './string/repeat.ts';
import * as systemControlRegister from './system/control-register.ts';
import * as systemDescriptorTable from './system/descriptor-table.ts';
import * as systemHalt from './system/halt.ts';
import * as systemMsr from './system/msr.ts';
import * as systemPort from './system/port.ts';
import * as systemSegment from './system/segment.ts';
import * as systemStateImage from './system/state-image.ts';
import * as systemTranslation from './system/translation.ts';
import * as systemUserMode from './system/user-mode.ts';
import * as vectorAvxState from './vector/avx-state.ts';
import * as vectorBroadcast from './vector/broadcast.ts';
import * as vectorFloatArithmetic from './vector/float-arithmetic.ts';
import * as vectorFloatCompare from './vector/float-compare.ts';
import * as vectorFloatConvert from './vector/float-convert.ts';
import * as vectorFloatGuard from './vector/float-guard.ts';
import * as vectorFloatShuffle from './vector/float-shuffle.ts';
import * as vectorFused from './vector/fused.ts';
import * as vectorHalf from './vector/half.ts';
import * as vectorIntegerArithmetic from './vector/integer-arithmetic.ts';
import * as vectorIntegerShift from './vector/integer-shift.ts';
import * as vectorIntegerShuffle from './vector/integer-shuffle.ts';
import * as vectorMaskedMove from './vector/masked-move.ts';
import * as vectorMove from './vector/move.ts';
import * as vectorOperations from './vector/operations.ts';
import * as vectorPermute from './vector/permute.ts';
import * as vectorRegisterFile from './vector/register-file.ts';
import * as vectorVariableShift from './vector/variable-shift.ts';
import * as virtualSvm from './virtual/svm.ts';
import * as virtualVmx from './virtual/vmx.ts';

const families: readonly object[] = [
  integerAdd,
  integerBit,
  integerBitField,
  integerByteSwap,
  integerConditional,
  integerConvert,
  integerCount,
  integerDecimal,
  integerDivide,
  integerExchange,
  integerFlag,
  integerLogic,
  integerMove,
  integerMultiply,
  integerNop,
  integerRotate,
  integerShift,
  integerSubtract,
  integerTable,
  controlCall,
  controlFar,
  controlInterrupt,
  controlJump,
  controlLoop,
  controlSyscall,
  stackFrame,
  stackPop,
  stackPush,
  stringCompare,
  stringMove,
  stringPort,
  stringRepeat,
  systemControlRegister,
  systemDescriptorTable,
  systemHalt,
  systemMsr,
  systemPort,
  systemSegment,
  systemStateImage,
  systemTranslation,
  systemUserMode,
  floatArithmetic,
  floatControl,
  floatTransfer,
  floatUnchecked,
  vectorAvxState,
  vectorBroadcast,
  vectorFloatArithmetic,
  vectorFloatCompare,
  vectorFloatConvert,
  vectorFloatGuard,
  vectorFloatShuffle,
  vectorFused,
  vectorHalf,
  vectorIntegerArithmetic,
  vectorIntegerShift,
  vectorIntegerShuffle,
  vectorMaskedMove,
  vectorMove,
  vectorOperations,
  vectorPermute,
  vectorRegisterFile,
  vectorVariableShift,
  virtualSvm,
  virtualVmx,
];

const isInstruction = (value: unknown): value is Instruction =>
  typeof value === 'object' && value !== null && 'encodings' in value && 'semantics' in value;

export const instructions: readonly Instruction[] = families.flatMap(family =>
  Object.values(family).flat().filter(isInstruction),
);
