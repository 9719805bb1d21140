/** The look-up of generated code: what it answers by itself, and every reason to ask instead. */
import test from 'ava';
import { quickenLookup } from '../../../../core/processor/interpreter/fast-lookup.ts';
import { Handler } from '../../../../core/processor/interpreter/handlers.ts';
import { record } from '../../../../core/processor/interpreter/record.ts';
import { state, tlb } from '../../../../core/processor/state/layout.ts';
import { CodeSize, mode64, modeOf } from '../../../../core/processor/state/mode.ts';
import { StateBlock } from '../../../../core/processor/state/state-block.ts';

const block = 0x1_0000;
/** Of pages, by their number. */
const tables = 0x2_0000;
const table = 0x2_1000;
const pointer = 0x2_6000;
/** Where the code lies. */
const page = 0x3000;
const offset = 0x678;
const rip = 0x7fff_1234_5678n;
const context = 0x21;
const asked = 0x2_7000;

function prepare() {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 4 });
  const block64 = new StateBlock(memory.buffer, block);
  const words = new Int32Array(memory.buffer);
  block64.set32(state.mode.offset, mode64);
  block64.set(state.rip, rip);
  block64.set32(state.context.offset, context);
  block64.set32(state.codeTables.offset, tables);
  words[(tables >> 2) + (page >> 12)] = table;
  words[(table >> 2) + offset] = pointer;
  const handle = (handler: number) => {
    new Uint16Array(memory.buffer)[(pointer + record.handler) >> 1] = handler;
  };
  handle(Handler.goto + 100);
  let found = page + offset;
  const walked: number[][] = [];
  const lookup = quickenLookup(
    memory,
    (...of) => {
      walked.push(of);
      return found;
    },
    cpu => (cpu === block ? asked : 0),
  );
  return {
    state: block64,
    words,
    handle,
    walked,
    lose: () => {
      found = 0;
    },
    lookup: () => lookup(block),
  };
}

test('the record at RIP, with its table and the entry of the fetch TLB', t => {
  const { state: cpu, lookup, walked } = prepare();
  t.is(lookup(), pointer);
  t.deepEqual(walked, [[block, Number(BigInt.asIntN(32, rip)), Number(rip >> 32n)]]);
  t.is(cpu.get32(state.codeTable.offset), table);
  t.is(cpu.get(state.codeBase), rip & ~0xfffn);
  const entry = tlb.fetch + ((Number(rip & 0xffff_ffffn) >>> 12) & (tlb.entries - 1)) * 16;
  t.is(cpu.getBig(entry), (rip & ~0xfffn) | BigInt(context));
  t.is(cpu.get32(entry + 8), (page + offset - Number(BigInt.asIntN(32, rip))) | 0);
  t.is(cpu.get32(entry + 12), table);
});

type Prepared = ReturnType<typeof prepare>;
const reasons: Readonly<Record<string, (it: Prepared) => void>> = {
  'code that is not 64 bits wide': ({ state: cpu }) =>
    cpu.set32(state.mode.offset, modeOf(CodeSize.bits32, true, false, true)),
  'a breakpoint on some instruction': ({ state: cpu }) => cpu.set32(state.codeWatched.offset, 1),
  'an address that the quick walk does not find': ({ lose }) => lose(),
  'a page without decoded code': ({ words }) =>
    words.fill(0, (tables >> 2) + (page >> 12), (tables >> 2) + (page >> 12) + 1),
  'an instruction that is not decoded': ({ words }) => words.fill(0, (table >> 2) + offset, (table >> 2) + offset + 1),
  // The page that it goes on in may not be in the fetch TLB: only who is asked puts it there.
  'an instruction that goes on in the next page': ({ handle }) => handle(Handler.crossing),
};

for (const [what, change] of Object.entries(reasons))
  test(`asks about ${what}`, t => {
    const it = prepare();
    change(it);
    t.is(it.lookup(), asked);
    t.is(it.state.get32(state.codeTable.offset), 0, 'and leaves everything to it');
  });
