/** String instructions: both directions, all sizes and widths of address, repeated or not, some running into unmapped memory. */
import { flagBits, regions } from '../machine.ts';
import type { Size, Snippet, Template } from '../snippet.ts';
import { all } from './flags.ts';

const suffix: Record<Size, string> = { 8: 'b', 16: 'w', 32: 'd', 64: 'q' };

/** Points a string register at `count` elements in the direction of travel. */
const point = (s: Snippet, index: number, size: Size, count: number, width: 32 | 64, away: number): number => {
  const { data } = regions;
  const bytes = (size / 8) * count;
  const low = data.base + away + s.random.below(0xe00 - bytes);
  const atEdge = s.random.chance(0.04);
  const down = (s.rflags & flagBits.df) !== 0;
  const first = atEdge ? (down ? data.base : data.base + data.size - bytes) : low;
  const start = down ? first + bytes - size / 8 : first;
  const edged = atEdge ? start + (down ? -1 : 1) * s.random.below(bytes + 1) : start;
  const junk = width === 32 && s.mode === 64 ? s.random.bits(32) << 32n : 0n;
  s.claim(index, s.mode, BigInt(edged) | junk);
  return Math.max(first, data.base);
};

const string = (name: 'movs' | 'stos' | 'lods' | 'scas' | 'cmps'): Template => ({
  name,
  share: 4,
  make(s) {
    const { random } = s;
    const size = s.size(8, 16, 32, 64);
    const width = s.mode === 64 && random.chance(0.2) ? 32 : s.mode;
    if (s.lines.length === 0 && random.chance(0.5)) s.rflags |= flagBits.df;
    const compares = name === 'scas' || name === 'cmps';
    const prefix = random.pick(compares ? ['', 'repe ', 'repne '] : ['', 'rep ', 'rep ']);
    const count = prefix && random.chance(0.1) ? 0 : prefix ? random.between(1, 24) : 1;
    if (prefix) s.claim(1, width, BigInt(count));
    const bytes = Math.max((size / 8) * count, size / 8);
    const element = random.integer(size);
    // Mostly equal elements with a few others, so that comparisons go on for a while.
    const same = compares && random.chance(0.7) ? prefix !== 'repne ' : false;
    const filled = (): Uint8Array => {
      const out = s.contents(bytes);
      if (!compares) return out;
      for (let at = 0; at < bytes; at++) {
        const equal = same ? !random.chance(0.02) : random.chance(0.02);
        if (equal) out[at] = Number((element >> BigInt((at % (size / 8)) * 8)) & 0xffn);
      }
      return out;
    };
    const overlap = name === 'movs' && random.chance(0.3);
    if (name !== 'stos' && name !== 'scas') {
      const at = point(s, 6, size, Math.max(count, 1), width, 0);
      s.patch(at, filled());
    }
    if (name !== 'lods') {
      const source = s.before.gpr[6];
      if (overlap) s.claim(7, s.mode, source + BigInt(random.between(-12, 12)));
      else {
        const at = point(s, 7, size, Math.max(count, 1), width, 0x1000);
        s.patch(at, filled());
      }
    }
    if (name === 'stos' || name === 'lods' || name === 'scas') s.claim(0, size, element);
    const address = width === s.mode ? '' : 'addr32 ';
    s.emit(`${address}${prefix}${name}${suffix[size]}`, compares && count > 0 ? { writes: all } : {});
  },
});

export const templates: Template[] = (['movs', 'stos', 'lods', 'scas', 'cmps'] as const).map(string);
