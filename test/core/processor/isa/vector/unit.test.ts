/** Which way SSE and MMX instructions go: in line, to a helper, or to the exceptions of their unit. */
import test from 'ava';
import type { HelperName } from '../../../../../core/processor/ir/helpers.ts';
import { state, x87Offset, xmmOffset } from '../../../../../core/processor/state/layout.ts';
import { Supervisor } from '../../../../support/supervisor.ts';

const double = (value: number): bigint => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0);
};

function machine(hex: string, mxcsr: number, left: bigint, right: bigint): Supervisor {
  const supervisor = new Supervisor(hex);
  supervisor.block.set(state.mxcsr, BigInt(mxcsr));
  supervisor.block.setBig(xmmOffset(0), left);
  supervisor.block.setBig(xmmOffset(1), right);
  return supervisor;
}

const addsd = 'f2 0f 58 c1';
const default_ = 0x1f80;
const precise = 0x1fa0;

test('ordinary numbers under default controls are added in line', t => {
  const supervisor = machine(addsd, precise, double(1.5), double(2.25));
  t.is(supervisor.run(), 'done');
  t.deepEqual(supervisor.calls, []);
  t.is(supervisor.block.getBig(xmmOffset(0)), double(3.75));
});

const exactInLine = test.macro((t, hex: string, left: number, right: number, result: number) => {
  const supervisor = machine(hex, default_, double(left), double(right));
  t.is(supervisor.run(), 'done');
  t.deepEqual(supervisor.calls, []);
  t.is(supervisor.block.getBig(xmmOffset(0)), double(result));
  t.is(supervisor.block.get(state.mxcsr), BigInt(default_));
});

test('an exact sum, no precision lost yet', exactInLine, addsd, 1, 2 ** -50, 1 + 2 ** -50);
test('an exact difference, no precision lost yet', exactInLine, 'f2 0f 5c c1', 5, 7, -2);
test('an exact product, no precision lost yet', exactInLine, 'f2 0f 59 c1', 12345, 67, 827_115);
test('half of a long number, no precision lost yet', exactInLine, 'f2 0f 59 c1', 0.5, 1 / 3, 1 / 6);
test('an exact quotient, no precision lost yet', exactInLine, 'f2 0f 5e c1', 91, 7, 13);
test('an exact root, no precision lost yet', exactInLine, 'f2 0f 51 c1', 0, 144, 12);

const goesToHelper = test.macro((t, mxcsr: number, left: bigint, right: bigint) => {
  const supervisor = machine(addsd, mxcsr, left, right);
  t.is(supervisor.run(), 'done');
  t.deepEqual(
    supervisor.calls.map(([name]) => name),
    ['sseArithmetic'],
  );
  t.is(supervisor.block.getBig(xmmOffset(0)), left, 'the helper writes the target, nobody else');
});

test('precision lost for the first time', goesToHelper, default_, double(1), double(2 ** -60));
test('rounding up', goesToHelper, precise | 0x4000, double(1), double(2));
test('denormals as zeros', goesToHelper, precise | 0x40, double(1), double(2));
test('an unmasked exception', goesToHelper, precise & ~0x400, double(1), double(2));
test('a NaN', goesToHelper, precise, double(Number.NaN), double(2));
test('a denormal operand', goesToHelper, precise, double(2 ** -1040), double(2));
test('an overflow', goesToHelper, precise, double(Number.MAX_VALUE), double(Number.MAX_VALUE));
test('a tiny difference', goesToHelper, precise, double(1.5 * 2 ** -1022), double(-(2 ** -1022)));

const asks = test.macro((t, hex: string, field: 'sseBlocked' | 'x87Blocked', helper: HelperName) => {
  const supervisor = new Supervisor(hex, { [helper]: { status: 1 } });
  supervisor.block.set(state[field], 1n);
  supervisor.block.set(state.faultVector, 7n);
  const result = supervisor.run();
  t.like(result, { fault: { vector: 7 } });
  t.is(supervisor.calls[0][0], helper);
});

test('SSE asks whether it may', asks, '0f 28 c1', 'sseBlocked', 'checkSse');
test('MMX asks whether it may', asks, '0f fc c1', 'x87Blocked', 'checkX87');
test('x87 asks whether it may', asks, 'd9 e8', 'x87Blocked', 'checkX87');
test('MOVQ2DQ asks for SSE', asks, 'f3 0f d6 c1', 'sseBlocked', 'checkSse');

test('MMX takes the x87 registers over', t => {
  const supervisor = new Supervisor('0f 6f c1');
  supervisor.block.set(state.x87Top, 5n);
  supervisor.block.setBig(x87Offset(1), 0x1122334455667788n);
  t.is(supervisor.run(), 'done');
  t.is(supervisor.block.getBig(x87Offset(0)), 0x1122334455667788n);
  t.is(supervisor.block.get16(x87Offset(0) + 8), 0xffff);
  t.is(supervisor.block.get8(state.x87Top.offset), 0);
  t.is(supervisor.block.get8(state.x87Tags.offset), 0xff);
});

test('EMMS gives them back', t => {
  const supervisor = new Supervisor('0f 77');
  supervisor.block.set(state.x87Tags, 0xffn);
  t.is(supervisor.run(), 'done');
  t.is(supervisor.block.get8(state.x87Tags.offset), 0);
});

test('FWAIT: #NM with MP and TS, #MF for what is pending, nothing else', t => {
  const wait = (cr0: bigint, status: bigint) => {
    const supervisor = new Supervisor('9b');
    supervisor.block.set(state.cr0, cr0);
    supervisor.block.set(state.fsw, status);
    const result = supervisor.run();
    return typeof result === 'object' ? result.fault.vector : result;
  };
  t.is(wait(0x2bn, 0n), 7);
  t.is(wait(0x29n, 0n), 'done');
  t.is(wait(0x27n, 0n), 'done', 'EM alone does not matter');
  t.is(wait(0x21n, 0x8081n), 16);
  t.is(wait(0x01n, 0x8081n), 'done', 'without NE');
});
