/** Decoding from plain bytes in the three usual modes. */
import { type ByteSource, Decoded } from '../../../../core/processor/decode/decoded.ts';
import { allDecodeFeatures, decode } from '../../../../core/processor/decode/decoder.ts';
import { disassemble } from '../../../../core/processor/decode/disassembler.ts';
import { CodeSize, mode64, modeOf } from '../../../../core/processor/state/mode.ts';
import type { Bits } from './recording.ts';

export const modes: Readonly<Record<Bits, number>> = {
  16: modeOf(CodeSize.bits16, false, false, false),
  32: modeOf(CodeSize.bits32, true, false, true),
  64: mode64,
};

export const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

export const sourceOf = (bytes: Uint8Array): ByteSource => ({
  length: Math.min(bytes.length, 15),
  at: index => bytes[index],
});

export interface Result {
  readonly length: number;
  readonly decoded: Decoded;
  /** '' where nothing was decoded. */
  readonly text: string;
}

export function decodeBytes(
  bytes: Uint8Array | string,
  bits: Bits = 64,
  { mode = modes[bits], features = allDecodeFeatures, rip = 0n } = {},
): Result {
  const decoded = new Decoded();
  const length = decode(sourceOf(typeof bytes === 'string' ? fromHex(bytes) : bytes), mode, features, decoded);
  return { length, decoded, text: length > 0 ? disassemble(decoded, rip) : '' };
}
