/** Bytes as lines of assembly, for people who look at a guest. */
import { CodeSize, mode64, modeOf } from '../state/mode.ts';
import type { Bits } from './assembler/assembler.ts';
import { Decoded } from './decoded.ts';
import { decode, decodeFeatures } from './decoder.ts';
import { disassemble } from './disassembler.ts';

const longest = 15;

const modes: Readonly<Record<Bits, number>> = {
  16: modeOf(CodeSize.bits16, false, false, false),
  32: modeOf(CodeSize.bits32, true, false, true),
  64: mode64,
};

export interface ListedInstruction {
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** In the Intel syntax of GNU objdump; `(bad)` where the bytes are no instruction. */
  readonly text: string;
}

export interface ListingOptions {
  readonly bits: Bits;
  /** Of the first byte. */
  readonly address: bigint;
  /** How many instructions, at most. */
  readonly count: number;
  /** CPUID features, by the names of a model. */
  readonly features: Iterable<string>;
}

/** As many instructions as there are whole ones in the bytes. What is none is a line of one byte. */
export function listing(bytes: Uint8Array, { bits, address, count, features }: ListingOptions): ListedInstruction[] {
  const known = decodeFeatures(features);
  const lines: ListedInstruction[] = [];
  for (let at = 0; lines.length < count && at < bytes.length; ) {
    const rest = bytes.subarray(at, at + longest);
    const decoded = new Decoded();
    const length = decode({ length: rest.length, at: index => rest[index] }, modes[bits], known, decoded);
    if (length === 0) break;
    const linear = address + BigInt(at);
    const text = length < 0 ? '(bad)' : disassemble(decoded, linear);
    lines.push({ address: linear, bytes: rest.subarray(0, Math.max(length, 1)), text });
    at += Math.max(length, 1);
  }
  return lines;
}
