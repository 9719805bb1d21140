/** Faults of floating-point instructions leave everything as it was. */
import test from 'ava';
import { codeBase, fxOffsets, initialFx, regions } from '../../../../oracle/machine.ts';
import { engines } from '../../../../support/engines.ts';

const dataEnd = regions.data.base + regions.data.size;

/** ST(0) is 2.5, RBX points somewhere. */
function run(engine: (typeof engines)[number], hex: string, address: number, change?: (fx: DataView) => void) {
  const fx = initialFx();
  const view = new DataView(fx.buffer);
  view.setUint16(fxOffsets.fsw, 7 << 11, true);
  view.setUint8(fxOffsets.ftw, 0x80);
  view.setUint32(fxOffsets.st + 4, 0xa000_0000, true);
  view.setUint16(fxOffsets.st + 8, 0x4000, true);
  change?.(view);
  const gpr = new BigUint64Array(16);
  gpr[3] = BigInt(address);
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
  const before = { gpr, rip: BigInt(codeBase), rflags: 0x202, fx };
  return { fx, ...engine.run({ bytes, mode: 64, before, memory: [] }) };
}

for (const engine of engines) {
  const stores = { 'fistp dword': 'db1b', 'fstp qword': 'dd1b', 'fstp tbyte': 'db3b', fbstp: 'df33', fisttp: 'db0b' };
  for (const [name, hex] of Object.entries(stores))
    test(`${engine.name}: ${name} over the end of a page`, t => {
      const { fx, after, fault, memoryAfter } = run(engine, hex, dataEnd - 2);
      t.like(fault, { vector: 14, error: 6, address: BigInt(dataEnd) });
      t.deepEqual(after.fx, fx);
      t.deepEqual(memoryAfter, []);
    });

  test(`${engine.name}: an unmasked invalid store waits for the next instruction`, t => {
    const { after, fault, memoryAfter } = run(engine, 'df1bd9d0', regions.data.base, fx => {
      fx.setUint16(fxOffsets.fcw, 0x37e, true);
      fx.setUint16(fxOffsets.st + 8, 0x4100, true);
    });
    t.like(fault, { vector: 16 });
    t.is(after.rip, BigInt(codeBase + 2));
    t.deepEqual(memoryAfter, []);
    const view = new DataView(after.fx.buffer, after.fx.byteOffset);
    t.is(view.getUint16(fxOffsets.fsw, true), 0xb881);
    t.is(view.getUint8(fxOffsets.ftw), 0x80);
  });

  test(`${engine.name}: an unmasked division by zero is #XM, its flag set, its target not`, t => {
    const { fx, after, fault } = run(engine, 'f20f5ec1', 0, view => {
      view.setUint32(fxOffsets.mxcsr, 0x1d80, true);
      view.setFloat64(fxOffsets.xmm, 1, true);
    });
    t.like(fault, { vector: 19 });
    const view = new DataView(after.fx.buffer, after.fx.byteOffset);
    t.is(view.getUint32(fxOffsets.mxcsr, true), 0x1d84);
    t.deepEqual(after.fx.slice(fxOffsets.xmm), fx.slice(fxOffsets.xmm));
  });

  test(`${engine.name}: MOVAPS wants its alignment`, t => {
    t.like(run(engine, '0f2803', regions.data.base + 8).fault, { vector: 13 });
    t.is(run(engine, '0f1003', regions.data.base + 8).fault, undefined);
  });

  test(`${engine.name}: MASKMOVDQU writes what the mask selects`, t => {
    const { memoryAfter } = run(engine, '4889df660ff7c1', regions.data.base + 0xffa, view => {
      for (let n = 0; n < 16; n++) view.setUint8(fxOffsets.xmm + n, n + 1);
      for (const n of [0, 3, 9, 15]) view.setUint8(fxOffsets.xmm + 16 + n, 0x80);
    });
    const written = memoryAfter
      .flatMap(({ address, bytes }) => [...bytes].map((byte, n) => [address + n - regions.data.base - 0xffa, byte]))
      .filter(([, byte]) => byte !== 0);
    t.deepEqual(written, [
      [0, 1],
      [3, 4],
      [9, 10],
      [15, 16],
    ]);
  });
}
