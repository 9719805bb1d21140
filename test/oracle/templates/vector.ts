/** Operands of MMX and SSE instructions. */
import { randomDouble, randomSingle } from '../floats.ts';
import { fxOffsets } from '../machine.ts';
import { littleEndian } from '../random.ts';
import type { MemoryOptions, Snippet } from '../snippet.ts';
import { chooseFloat } from './float.ts';

/** What a vector is made of: singles, doubles, or integers of some width. */
export type Element = 'ps' | 'pd' | 'int';

export const vectorBytes = (s: Snippet, element: Element, bytes: number): Uint8Array => {
  const { random } = s;
  const width = element === 'ps' ? 4 : element === 'pd' ? 8 : random.pick([1, 2, 4, 8]);
  const unit = Math.min(width, bytes);
  const out = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += unit) {
    const value =
      element === 'ps' ? randomSingle(random) : element === 'pd' ? randomDouble(random) : random.integer(unit * 8);
    out.set(littleEndian(value, unit), at);
  }
  return out;
};

/** Rounding, DAZ and FTZ at random; now and then an exception unmasked, so that #XM comes. */
export const chooseMxcsr = (s: Snippet): void => {
  if (s.mxcsrChosen) return;
  s.mxcsrChosen = true;
  s.setMxcsr(randomMxcsr(s));
};

export const randomMxcsr = (s: Snippet): number => {
  const { random } = s;
  const masks = random.chance(0.9) ? 0x1f80 : random.below(64) << 7;
  const rounding = random.chance(0.5) ? 0 : random.below(4) << 13;
  const sticky = random.chance(0.25) ? random.below(64) : 0;
  return masks | rounding | sticky | (random.chance(0.15) ? 0x8000 : 0) | (random.chance(0.15) ? 0x40 : 0);
};

export const xmm = (s: Snippet, element: Element): string => {
  const index = s.random.below(s.mode === 64 ? 16 : 8);
  if (!s.vectors.has(index)) {
    s.vectors.add(index);
    s.setFx(fxOffsets.xmm + index * 16, vectorBytes(s, element, 16));
  }
  return `xmm${index}`;
};

/** MMX registers are the significands of the x87's, by physical number; their use makes TOP zero. */
export const mm = (s: Snippet): string => {
  chooseFloat(s, !s.random.chance(0.1));
  const index = s.random.below(8);
  if (!s.vectors.has(16 + index)) {
    s.vectors.add(16 + index);
    const top = (s.before.fx[fxOffsets.fsw + 1] >> 3) & 7;
    s.setFx(fxOffsets.st + ((index - top) & 7) * 16, vectorBytes(s, 'int', 8));
  }
  return `mm${index}`;
};

export const vectorMemory = (s: Snippet, element: Element, bytes: number, options: MemoryOptions = {}): string =>
  s.memory(bytes, { value: vectorBytes(s, element, bytes), ...options });

/** Sixteen aligned bytes, as SSE demands; seldom not, for the #GP. */
export const alignedMemory = (s: Snippet, element: Element): string =>
  vectorMemory(s, element, 16, { align: s.random.chance(0.97) ? 16 : 1 });

export const xmmOrMemory = (s: Snippet, element: Element, bytes = 16): string => {
  if (s.random.chance(0.6)) return xmm(s, element);
  return bytes === 16 ? alignedMemory(s, element) : vectorMemory(s, element, bytes);
};

export const mmOrMemory = (s: Snippet, bytes = 8): string =>
  s.random.chance(0.6) ? mm(s) : vectorMemory(s, 'int', bytes);
