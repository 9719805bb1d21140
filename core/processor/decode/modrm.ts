/** Memory operands: ModRM, SIB and displacement (SDM vol. 2, section 2.1.5 and tables 2-1 to 2-3). */
import { Segment, state } from '../state/layout.ts';
import { byteAt, longAt, signedByteAt, signedWordAt } from './bytes.ts';
import type { ByteSource, Decoded } from './decoded.ts';

const none = state.zero.offset;
const [rbx, rsp, rbp, rsi, rdi] = [3, 4, 5, 6, 7].map(number => number * 8) as [number, number, number, number, number];

/** 16-bit addressing by r/m: base and index. */
const bases16 = Int32Array.of(rbx, rbx, rbp, rbp, none, none, rbp, rbx);
const indexes16 = Int32Array.of(rsi, rdi, rsi, rdi, rsi, rdi, none, none);

const displace = (out: Decoded, low: number): void => {
  out.displacementLow = low;
  out.displacementHigh = low >> 31;
};

/** Takes the bytes after ModRM at `position`, returns the position behind them. */
export function decodeMemory(source: ByteSource, position: number, out: Decoded, code64: boolean): number {
  const mod = out.modrm >> 6;
  const rm = out.modrm & 7;
  if (out.addressWidth === 16) return decodeMemory16(source, position, out, mod, rm);
  let at = position;
  let base = rm;
  if (rm === 4) {
    const sib = byteAt(source, at++);
    out.sib = sib;
    const index = ((sib >> 3) & 7) | ((out.rex & 2) << 2);
    if (index !== 4) {
      out.index = index * 8;
      out.scale = sib >> 6;
    }
    base = sib & 7;
  }
  if (mod === 0 && base === 5) {
    out.ripRelative = code64 && rm === 5;
    displace(out, longAt(source, at));
    return at + 4;
  }
  out.base = (base | ((out.rex & 1) << 3)) * 8;
  if (out.base === rsp || out.base === rbp) out.segment = Segment.ss;
  if (mod === 1) displace(out, signedByteAt(source, at++));
  else if (mod === 2) {
    displace(out, longAt(source, at));
    at += 4;
  }
  return at;
}

function decodeMemory16(source: ByteSource, position: number, out: Decoded, mod: number, rm: number): number {
  if (mod === 0 && rm === 6) {
    displace(out, signedWordAt(source, position));
    return position + 2;
  }
  out.base = bases16[rm];
  out.index = indexes16[rm];
  if (out.base === rbp) out.segment = Segment.ss;
  // SI and DI alone are bases to every reader.
  if (out.base === none) {
    out.base = out.index;
    out.index = none;
  }
  if (mod === 1) {
    displace(out, signedByteAt(source, position));
    return position + 1;
  }
  if (mod === 2) {
    displace(out, signedWordAt(source, position));
    return position + 2;
  }
  return position;
}
