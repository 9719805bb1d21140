/** What is forgotten of decoded code when its bytes are written. */
import test from 'ava';
import { decodeFeatures } from '../../../../core/processor/decode/decoder.ts';
import { CodeCache } from '../../../../core/processor/interpreter/code-cache.ts';
import { Handler } from '../../../../core/processor/interpreter/handlers.ts';
import { PhysicalMemory } from '../../../../core/processor/memory/physical-memory.ts';
import { state as layout } from '../../../../core/processor/state/layout.ts';
import { mode64 } from '../../../../core/processor/state/mode.ts';
import { StateBlock } from '../../../../core/processor/state/state-block.ts';

const block = 0x1_0000;
const arena = { base: 0x2_0000, size: 0x4_0000 };
const ram = 0x6_0000;

function machine() {
  const buffer = new ArrayBuffer(0x8_0000);
  const physical = new PhysicalMemory(buffer);
  physical.map({ base: 0, size: 0x4000, offset: ram, writable: true });
  const state = new StateBlock(buffer, block);
  state.mode = mode64;
  const cache = new CodeCache(physical, arena, decodeFeatures(new Set()), { handlerOf: () => Handler.first });
  const fetcher = { fetch: (low: number) => ram + low, fillFetch() {} };
  const lookup = (rip: number) => {
    state.setRip(rip, 0);
    return cache.lookup(block, 0, fetcher);
  };
  const isStale = (pointer: number) => (physical.words[pointer >>> 2] & 0xffff) === Handler.stale;
  // Two instructions of five bytes (MOV EAX, imm32), and a RET.
  physical.bytes.set([0xb8, 1, 0, 0, 0, 0xb8, 2, 0, 0, 0, 0xc3], ram + 0x1000);
  return { cache, physical, state, lookup, isStale };
}

test('a write to an instruction forgets that one alone', t => {
  const { physical, lookup, isStale } = machine();
  const [first, second, third] = [0x1000, 0x1005, 0x100a].map(lookup) as [number, number, number];
  t.true(physical.writeTouchesCode(ram + 0x1006, 1));
  t.false(physical.writeTouchesCode(ram + 0x100b, 4));
  physical.overwritten(ram + 0x1006, 1);
  t.false(isStale(first));
  t.true(isStale(second));
  t.false(isStale(third));
  t.is(lookup(0x1000), first);
  t.is(lookup(0x100a), third);
  t.not(lookup(0x1005), second);
});

test('a write across two instructions forgets both', t => {
  const { physical, lookup, isStale } = machine();
  const [first, second, third] = [0x1000, 0x1005, 0x100a].map(lookup) as [number, number, number];
  physical.overwritten(ram + 0x1004, 2);
  t.deepEqual([first, second, third].map(isStale), [true, true, false]);
});

test('a page that is rewritten often is forgotten as a whole, and may then be written freely', t => {
  const { physical, lookup, isStale } = machine();
  const third = lookup(0x100a);
  let writes = 0;
  while (physical.isCode(ram + 0x1000) && writes < 100) {
    lookup(0x1000);
    physical.overwritten(ram + 0x1000, 1);
    writes++;
  }
  t.true(writes > 1 && writes < 100);
  t.true(isStale(third));
  t.false(physical.writeTouchesCode(ram + 0x1000, 1));
});

test('a page with compiled code is forgotten as a whole', t => {
  const { cache, physical, lookup, isStale } = machine();
  const [first, third] = [0x1000, 0x100a].map(lookup) as [number, number];
  cache.hasCompiled = () => true;
  physical.overwritten(ram + 0x1000, 1);
  t.deepEqual([first, third].map(isStale), [true, true]);
});

test('an instruction that ends in the next page is forgotten with its tail', t => {
  const { physical, lookup, isStale } = machine();
  physical.bytes.set([0xb8, 1, 0, 0, 0, 0xc3], ram + 0x1ffd);
  lookup(0x1ffd);
  const check = physical.words[(physical.words[(block + layout.codeTable.offset) >>> 2] >>> 2) + 0xffd];
  const after = lookup(0x2002);
  t.false(isStale(check));
  physical.overwritten(ram + 0x2001, 1);
  t.true(isStale(check));
  t.false(isStale(after));
});
