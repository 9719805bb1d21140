/** Every x87 instruction with a number in memory leaves its place to the unit (SDM vol. 1, section 8.1.8), whichever way it goes. */
import test from 'ava';
import { codeBase, fxOffsets, initialFx, regions } from '../../../../oracle/machine.ts';
import { engines } from '../../../../support/engines.ts';
import { vendors } from '../../../../support/vendor.ts';

/** Opcode byte, and the extensions in ModRM whose operand is a number. */
const numbers = { 217: [0, 2, 3], 219: [0, 1, 2, 3, 5, 7], 221: [0, 1, 2, 3], 223: [0, 1, 2, 3, 4, 5, 6, 7] } as const;
const arithmetic = [0xd8, 0xda, 0xdc, 0xde].flatMap(opcode => Array.from({ length: 8 }, (_, reg) => [opcode, reg]));
const rows = [...arithmetic, ...Object.entries(numbers).flatMap(([opcode, list]) => list.map(reg => [+opcode, reg]))];

const operand = regions.data.base + 0x123;
const environment = regions.data.base + 0x800;

for (const engine of engines)
  test(`${engine.name}: the data pointer`, t => {
    for (const vendor of vendors) {
      for (const tags of [0x00, 0x80, 0xff]) {
        for (const [opcode, reg] of rows) {
          const fx = initialFx();
          const view = new DataView(fx.buffer);
          view.setUint16(fxOffsets.fsw, 7 << 11, true);
          view.setUint8(fxOffsets.ftw, tags);
          for (let n = 0; n < 8; n++) view.setUint32(fxOffsets.st + 16 * n + 4, 0xa000_0000, true);
          for (let n = 0; n < 8; n++) view.setUint16(fxOffsets.st + 16 * n + 8, 0x4000, true);
          const gpr = new BigUint64Array(16);
          gpr[3] = BigInt(operand);
          gpr[7] = BigInt(environment);
          const bytes = Uint8Array.of(opcode!, (reg! << 3) | 3, 0xd9, 0x37);
          const before = { gpr, rip: BigInt(codeBase), rflags: 0x202, fx };
          const { memoryAfter } = engine.run({ bytes, mode: 64, vendor, before, memory: [] });
          const saved = new Map(
            memoryAfter.flatMap(({ address, bytes: run }) => [...run].map((byte, n) => [address + n, byte])),
          );
          const pointer = [0x17, 0x16, 0x15, 0x14].reduce(
            (sum, at) => sum * 256 + (saved.get(environment + at) ?? 0),
            0,
          );
          t.is(pointer, operand, `${opcode!.toString(16)} /${reg}, tags ${tags}, ${vendor}`);
        }
      }
    }
  });
