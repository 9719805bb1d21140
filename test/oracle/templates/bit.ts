/** Bit tests (with offsets far outside the operand), scans, counts and byte swaps. */
import { regions } from '../machine.ts';
import type { Size, Snippet, Template } from '../snippet.ts';
import { arithmetic, bitCount, bitScan, bitTest } from './flags.ts';

const wordSizes = [16, 32, 64] as const;

const middle = regions.data.base + 0x1000;

const memoryByRegister = (s: Snippet, name: string, size: Size): void => {
  const reach = s.random.pick([64, 1000, 0x6000]);
  const offset = s.random.between(-reach, reach);
  const register = s.register(size, 'read', BigInt.asUintN(size, BigInt(offset)));
  const lock = name !== 'bt' && s.random.chance(0.15) ? 'lock ' : '';
  const address = middle + s.random.below(0x100) * 8;
  s.patch(address + Math.floor(offset / 8) - 8, s.contents(16));
  s.emit(`${lock}${name} ${s.memory(size / 8, { address })}, ${register}`, bitTest);
};

const bitTests = (name: string): Template => ({
  name,
  share: 2,
  make(s) {
    const size = s.size(...wordSizes);
    const access = name === 'bt' ? 'read' : 'write';
    const form = s.random.below(4);
    if (form === 0) return s.emit(`${name} ${s.register(size, access)}, ${s.register(size, 'read')}`, bitTest);
    if (form === 1) return s.emit(`${name} ${s.register(size, access)}, ${s.random.below(256)}`, bitTest);
    if (form === 2) return s.emit(`${name} ${s.memory(size / 8)}, ${s.random.below(256)}`, bitTest);
    memoryByRegister(s, name, size);
  },
});

/** The target keeps its value when the source of a scan is zero: so say AMD's manual and every processor. */
const scan = (name: string, use: typeof arithmetic): Template => ({
  name,
  share: 1.5,
  make(s) {
    const size = s.size(...wordSizes);
    const value = s.random.chance(0.3)
      ? { value: 0n }
      : s.random.chance(0.5)
        ? { value: s.random.bits(size) >> BigInt(s.random.below(size)) }
        : {};
    const source = s.operand(size, 'read', value).text;
    s.emit(`${name} ${s.register(size)}, ${source}`, use);
  },
});

export const templates: Template[] = [
  ...['bt', 'bts', 'btr', 'btc'].map(bitTests),
  ...['bsf', 'bsr'].map(name => scan(name, bitScan)),
  ...['lzcnt', 'tzcnt'].map(name => scan(name, bitCount)),
  scan('popcnt', arithmetic),
  { name: 'bswap', make: s => s.emit(`bswap ${s.register(s.size(32, 64))}`) },
  {
    name: 'movbe',
    make(s) {
      const size = s.size(...wordSizes);
      const memory = s.memory(size / 8);
      if (s.random.chance(0.5)) return s.emit(`movbe ${s.register(size)}, ${memory}`);
      s.emit(`movbe ${memory}, ${s.register(size, 'read')}`);
    },
  },
];
