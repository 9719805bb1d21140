/** FNSTENV, FLDENV, FNSAVE, FRSTOR in their four layouts (SDM vol. 1, figures 8-9 to 8-12), and what exceptions leave in the pointers. */
import test from 'ava';
import { CpuCore, callHelper } from '../../../../../core/processor/cpu/core.ts';
import { x87Helpers } from '../../../../../core/processor/cpu/helpers/x87.ts';
import type { LinearMemory } from '../../../../../core/processor/mmu/linear-memory.ts';
import { Segment, state, x87Offset } from '../../../../../core/processor/state/layout.ts';
import { Status } from '../../../../../core/processor/state/leave.ts';
import { CodeSize, mode64, modeOf } from '../../../../../core/processor/state/mode.ts';
import { StateBlock } from '../../../../../core/processor/state/state-block.ts';

class FlatMemory implements LinearMemory {
  readonly view = new DataView(new ArrayBuffer(0x1000));
  upper = 0;

  read8 = (at: number): number => this.view.getUint8(at);
  read16 = (at: number): number => this.view.getUint16(at, true);
  read32 = (at: number): number => this.view.getInt32(at, true);
  read64(at: number): number {
    this.upper = this.view.getInt32(at + 4, true);
    return this.view.getInt32(at, true);
  }
  write8 = (at: number, _high: number, _access: number, value: number): void => this.view.setUint8(at, value);
  write16 = (at: number, _high: number, _access: number, value: number): void => this.view.setUint16(at, value, true);
  write32 = (at: number, _high: number, _access: number, value: number): void => this.view.setInt32(at, value, true);
  write64(at: number, _high: number, _access: number, low: number, high: number): void {
    this.view.setInt32(at, low, true);
    this.view.setInt32(at + 4, high, true);
  }
  probeRead(): void {}
  probeWrite(): void {}
}

type World = 'long' | 'protected' | 'real';

function cpuIn(world: World): { cpu: CpuCore; block: StateBlock; memory: FlatMemory } {
  const block = StateBlock.detached();
  const memory = new FlatMemory();
  const none = undefined as never;
  const cpu = new CpuCore(block, memory, none, none, none);
  block.set(state.cr0, world === 'real' ? 0x20n : 0x21n);
  const legacy = modeOf(world === 'real' ? CodeSize.bits16 : CodeSize.bits32, true, world === 'real', false);
  block.set(state.mode, BigInt(world === 'long' ? mode64 : legacy));
  for (const segment of [Segment.cs, Segment.ds]) block.setSegment(segment, 0, 0x93, 0xffff_ffff, 0, 0);
  callHelper(cpu, x87Helpers.x87Initialize);
  return { cpu, block, memory };
}

function call(cpu: CpuCore, name: keyof typeof x87Helpers, ...inputs: number[]): Status {
  inputs.forEach((input, n) => {
    cpu.state.set64(state.argument0.offset + n * 8, input, 0);
  });
  return callHelper(cpu, x87Helpers[name]);
}

const prepare = (block: StateBlock): void => {
  block.set(state.fcw, 0x37fn);
  block.set(state.fsw, 0x4021n);
  block.set(state.x87Top, 6n);
  block.set(state.x87Tags, 0b1100_0000n);
  block.setBig(x87Offset(6), 0x8000_0000_0000_0000n);
  block.set16(x87Offset(6) + 8, 0x3fff);
  block.set(state.x87Opcode, 0x1d9n);
  block.set(state.x87Ip, 0x1_2345n);
  block.set(state.x87Dp, 0x6_789an);
  block.set(state.x87Cs, 0x33n);
  block.set(state.x87Ds, 0x2bn);
};

const bytes = (memory: FlatMemory, length: number): string =>
  Buffer.from(memory.view.buffer, 0, length).toString('hex');

const stores = test.macro((t, world: World, width: 16 | 32, expected: string) => {
  const { cpu, block, memory } = cpuIn(world);
  prepare(block);
  t.is(call(cpu, 'x87StoreEnvironment', Segment.ds, 0, width, 0), Status.done);
  t.is(bytes(memory, width === 16 ? 14 : 28), expected.replaceAll(' ', ''));
  t.is(block.get16(state.fcw.offset), 0x37f);
});

/** Tags: R6 valid, R7 zero, the rest empty: 4fff. TOP is 6: 7021. */
test('32-bit protected', stores, 'protected', 32, '7f03ffff 2170ffff ff4fffff 45230100 3300d901 9a780600 2b00ffff');
test('16-bit protected', stores, 'protected', 16, '7f03 2170 ff4f 4523 3300 9a78 2b00');
test('32-bit real', stores, 'real', 32, '7f03ffff 2170ffff ff4fffff 7526ffff d9110000 4a7bffff 00600000');
test('16-bit real', stores, 'real', 16, '7f03 2170 ff4f 7526 d911 4a7b 0060');

for (const world of ['long', 'protected'] as const) {
  test(`FNSAVE in ${world} mode initialises, and FRSTOR brings all back`, t => {
    const { cpu, block } = cpuIn(world);
    prepare(block);
    const before = block.u8.slice(0x300, 0x3a0);
    call(cpu, 'x87StoreEnvironment', Segment.ds, 0x100, 32, 1);
    t.is(block.get16(state.fcw.offset), 0x37f);
    t.is(block.get8(state.x87Tags.offset), 0);
    t.is(block.get16(state.fsw.offset), 0);
    block.u8.fill(0, 0x300, 0x380);
    call(cpu, 'x87LoadEnvironment', Segment.ds, 0x100, 32, 1);
    t.deepEqual(block.u8.slice(0x300, 0x3a0), before);
  });
}

test('FLDENV makes exceptions pending that the new control word unmasks', t => {
  const { cpu, block, memory } = cpuIn('long');
  memory.view.setUint16(0, 0x37e, true);
  memory.view.setUint16(4, 0x0001, true);
  memory.view.setUint16(8, 0xffff, true);
  call(cpu, 'x87LoadEnvironment', Segment.ds, 0, 32, 0);
  t.is(block.get16(state.fsw.offset), 0x8081);
  t.is(block.get32(state.x87Blocked.offset), 1);
  call(cpu, 'x87ClearExceptions');
  t.is(block.get16(state.fsw.offset), 0);
  t.is(block.get32(state.x87Blocked.offset), 0);
});

test('an unmasked exception says which instruction it was', t => {
  const { cpu, block, memory } = cpuIn('long');
  // rex.w fdiv dword ptr [rbx]
  [0x48, 0xd8, 0x33].forEach((byte, n) => {
    memory.view.setUint8(0x500 + n, byte);
  });
  block.set(state.rip, 0x500n);
  block.set(state.fcw, 0x37bn);
  call(cpu, 'x87LoadConstant', 0);
  call(cpu, 'x87ArithmeticMemory', 6, 0, 0, 0x777, Segment.ds);
  t.is(block.get16(state.fsw.offset) & 0x80ff, 0x8084);
  t.is(block.get(state.x87Ip), 0x500n);
  t.is(block.get(state.x87Dp), 0x777n);
  t.is(block.get16(state.x87Opcode.offset), 0x033);
});
