/** Instructions that name a place in memory without reading it: a device whose register clears itself when read must not notice. */

import { assemble } from '#core';
import type { AddCase } from '../../checks/case.ts';
import { at, type Guest } from '../guest.ts';

const db = (...bytes: number[]): string => `db ${bytes.join(', ')}`;
/** ModR/M of [rdi] with an extension. */
const rdi = (extension: number): number => (extension << 3) | 7;
const each = [0, 1, 2, 3, 4, 5, 6, 7];

/** RDI points to the device. */
const cases: Readonly<Record<string, string>> = {
  clflush: db(0x0f, 0xae, rdi(7)),
  'clflush, with a segment': db(0x65, 0x0f, 0xae, rdi(7)),
  'prefetches of 3DNow': each.map(extension => db(0x0f, 0x0d, rdi(extension))).join('\n'),
  'prefetches of SSE, and the hints beside them': each.map(extension => db(0x0f, 0x18, rdi(extension))).join('\n'),
  'the hints 0F 19 to 0F 1F': [0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f]
    .flatMap(opcode => [db(0x0f, opcode, rdi(0)), db(0x66, 0x0f, opcode, rdi(3)), db(0x48, 0x0f, opcode, rdi(5))])
    .join('\n'),
  lea: 'lea rax, [rdi]',
  invlpg: 'invlpg [rdi]',
  'a string of no length': 'xor ecx, ecx\n rep lodsb\n rep movsb\n repne scasb\n rep stosd',
  'maskmovdqu of nothing': `pxor xmm1, xmm1\n ${db(0x66, 0x0f, 0xf7, 0xc1)}`,
  'maskmovq of nothing': `${db(0x0f, 0xef, 0xc9)}\n ${db(0x0f, 0xf7, 0xc1)}`,
};

const notPresent = 0x2_0000;

export function touch(test: AddCase, guest: Guest): void {
  for (const [title, code] of Object.entries(cases))
    test(`${title}: a device's register is not read`, t => {
      guest.reset().long(`${code}\n hlt`, { rdi: at.device, rsi: at.device });
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.vector, -1);
      t.is(guest.rip, at.code + assemble(64, `${code}\n hlt`, { origin: at.code }).bytes.length);
      t.deepEqual(guest.log, []);
    });

  test("MASKMOVDQU writes a device's selected registers and touches no other", t => {
    const code = `movdqu xmm0, [rsi]\n movdqu xmm1, [rsi + 16]\n ${db(0x66, 0x0f, 0xf7, 0xc1)}\n hlt`;
    guest.reset().long(code, { rdi: at.device, rsi: at.data });
    for (let n = 0; n < 16; n++) guest.bytes[at.data + n] = 0x50 + n;
    for (const n of [1, 7, 12]) guest.bytes[at.data + 16 + n] = 0x80;
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.deepEqual(
      guest.log,
      [1, 7, 12].map(n => ['write', at.device + n, 1, BigInt(0x50 + n)] as const),
    );
  });

  test('CLFLUSH sets the accessed bit as a read does, and not the dirty bit', t => {
    // A page of RAM, and the device's page of 2 MiB.
    guest.reset().long(`${cases.clflush}\n mov rdi, rsi\n ${cases.clflush}\n hlt`, { rdi: at.data, rsi: at.device });
    const device = at.tables + 0x2000 + 8 * Math.floor(at.device / 0x20_0000);
    guest.page(at.data >> 12, at.data | 7);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.get32(at.tables + 0x6000 + 8 * (at.data >> 12)) & 0x60, 0x20);
    t.is(guest.get32(device) & 0x60, 0x20);
    t.deepEqual(guest.log, []);
  });

  test('CLFLUSH faults where a read would', t => {
    guest.reset().long(`${cases.clflush}\n hlt`, { rdi: notPresent });
    guest.page(notPresent >> 12, 0);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 14);
    t.is(guest.state.controls.cr2, BigInt(notPresent));
    t.is(guest.get64(at.stack - 48) & 0xffn, 0n, 'a read, not present');

    guest.reset().long(`${cases.clflush}\n hlt`, { rdi: 0x8000_0000_0000_0000n });
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 13);

    // Write-protected, it is readable all the same.
    guest.reset().long(`${cases.clflush}\n hlt`, { rdi: at.data });
    guest.page(at.data >> 12, at.data | 5);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, -1);
  });

  test("CLFLUSH of a device's supervisor page is the user's page fault", t => {
    guest.reset().long(`${cases.clflush}\n hlt`, { rdi: at.device, rsp: at.userStack });
    const { segments } = guest.processor.getState('segments');
    guest.processor.setState({
      segments: {
        ...segments,
        cs: { selector: 0x2b, attributes: 0xafb, limit: 0xffff_ffff, base: 0n },
        ss: { selector: 0x23, attributes: 0xcf3, limit: 0xffff_ffff, base: 0n },
      },
    });
    const entry = at.tables + 0x2000 + 8 * Math.floor(at.device / 0x20_0000);
    guest.put(entry, (guest.get32(entry) & ~4) | 0, 0);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 14);
    t.is(guest.state.controls.cr2, BigInt(at.device));
    t.is(guest.get64(at.stack - 48), 5n, 'a user, a read, present');
    t.deepEqual(guest.log, []);
  });

  for (const [instruction, code] of [['MONITOR', 'xor ecx, ecx\n xor edx, edx\n monitor']] as const)
    test(`${instruction} does not read what it watches`, t => {
      guest.reset().long(`mov rax, rdi\n ${code}\n hlt`, { rdi: at.device });
      t.deepEqual(guest.run(), { reason: 'halt' });
      // Where it is not announced it is #UD.
      t.true(guest.vector === -1 || guest.vector === 6);
      t.deepEqual(guest.log, []);
    });
}
