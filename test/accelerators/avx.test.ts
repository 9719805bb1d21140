/** AVX in guests on every accelerator: its registers as a component of the state, in the CPU from exit to exit, and over a device's memory. */
import test from 'ava';
import { MapAccess } from '../../accelerators/index.ts';
import { amd } from '../../core/index.ts';
import { at, bareBoard, Guest, names } from './guest.ts';

const cpu = amd({
  debugControl: false,
  without: ['monitor', 'rdtscp', 'invpcid', 'pcid', 'rdrand', 'rdseed', 'umip', 'mce'],
  also: ['avx', 'avx2', 'bmi1', 'bmi2', 'xsavec', 'xsaveopt'],
});
const enable = `mov rax, cr4
  or eax, 0x40000
  mov cr4, rax
  mov eax, 7
  xor edx, edx
  xor ecx, ecx
  xsetbv
`;
/** After HLT. */
const awake = { shadow: false, nmiBlocked: false, halted: false };
const filled = (first: number): Uint8Array => Uint8Array.from({ length: 256 }, (_, n) => (first + n) & 0xff);
const half = (from: Uint8Array, register: number): number[] => [...from.subarray(register * 16, register * 16 + 16)];

for (const name of names)
  for (const engine of ['interpreter', 'jit'] as const) {
    const guest = new Guest(name, { cpu, engine });

    test(`${guest.name}: upper halves are read and set, and the guest computes with them`, t => {
      guest.reset().long(`${enable} hlt\n vpaddb ymm1, ymm2, ymm3\n vpxor xmm4, xmm4, xmm4\n hlt`);
      t.deepEqual(guest.run(), { reason: 'halt' });
      const vector = filled(1);
      guest.processor.setState({ vector, interrupts: awake });
      t.deepEqual(guest.state.vector, vector);
      t.deepEqual(guest.run(), { reason: 'halt' });
      const after = guest.state.vector;
      t.deepEqual(
        half(after, 1),
        half(vector, 2).map((byte, n) => (byte + half(vector, 3)[n]) & 0xff),
      );
      t.deepEqual(half(after, 4), new Array(16).fill(0));
      t.deepEqual(half(after, 5), half(vector, 5));
    });

    test(`${guest.name}: vectors of 256 bits from a device and to it, in pieces as buses have them`, t => {
      guest.reset().long(`${enable} vmovdqu ymm1, [rdi]\n vmovdqu [rdi+64], ymm1\n vpaddd ymm2, ymm1, [rdi+32]\n hlt`, {
        rdi: at.device,
      });
      guest.memory = address => BigInt(address - at.device) * 0x0101_0101_0101_0101n;
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.vector, -1);
      const accesses = guest.log.map(([kind, where, size]) => [kind, where - at.device, size]);
      t.deepEqual(accesses, [
        ...[0, 8, 16, 24].map(offset => ['read', offset, 8]),
        ...[64, 72, 80, 88].map(offset => ['write', offset, 8]),
        ...[32, 40, 48, 56].map(offset => ['read', offset, 8]),
      ]);
      t.deepEqual(half(guest.state.vector, 1), [...new Array(8).fill(16), ...new Array(8).fill(24)]);
      t.deepEqual(half(guest.state.vector, 2), [...new Array(8).fill(64), ...new Array(8).fill(80)]);
    });

    test(`${guest.name}: masked elements of a device are not touched`, t => {
      guest
        .reset()
        .long(
          `${enable} vpcmpeqd xmm1, xmm1, xmm1\n vpsrldq xmm1, xmm1, 8\n vmaskmovps ymm2, ymm1, [rdi]\n vmaskmovps [rdi+64], ymm1, ymm2\n hlt`,
          { rdi: at.device },
        );
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.deepEqual(
        guest.log.map(([kind, where, size]) => [kind, where - at.device, size]),
        [
          ['read', 0, 4],
          ['read', 4, 4],
          ['write', 64, 4],
          ['write', 68, 4],
        ],
      );
    });
  }

for (const from of names)
  for (const to of names.filter(each => each !== from))
    test(`from ${from} to ${to}: upper halves move along`, t => {
      const [first, second] = [new Guest(from, { cpu }), new Guest(to, { cpu })];
      const code = `${enable} vmovdqu ymm7, [rdi]\n hlt\n vpermq ymm7, ymm7, 0x4e\n vmovdqu [rdi], ymm7\n hlt`;
      for (const guest of [first, second]) {
        guest.long(code, { rdi: at.data });
        guest.write(at.data, filled(0x40).subarray(0, 32));
      }
      t.deepEqual(first.run(), { reason: 'halt' });
      second.processor.setState({ ...first.state, interrupts: awake });
      t.deepEqual(second.run(), { reason: 'halt' });
      const bytes = [...filled(0x40).subarray(0, 32)];
      t.deepEqual([...second.bytes.subarray(at.data, at.data + 32)], [...bytes.slice(16), ...bytes.slice(0, 16)]);
    });

for (const name of names.filter(each => new Guest(each).accelerator.features.machines > 1))
  test(`${name}: two machines on one CPU keep their upper halves apart`, t => {
    const guest = new Guest(name, { cpu });
    guest.long(`${enable} hlt\n again: vpaddb ymm0, ymm0, ymm0\n hlt\n jmp again`);
    t.deepEqual(guest.run(), { reason: 'halt' });
    const other = guest.accelerator.createMachine({ processors: 1, cpu });
    const block = other.allocate(at.hole);
    block.bytes.set(guest.bytes.subarray(0, at.hole));
    block.written(0, at.hole);
    other.map(0, block, 0, at.hole, MapAccess.all);
    other.powerOn({ ...bareBoard(), pacer: { remaining: () => 100 } });
    const processors = [guest.processor, other.processors[0]] as const;
    processors[1].setState(guest.state);
    processors.forEach((processor, n) => {
      processor.setState({ vector: filled(n + 1) });
    });
    for (let turn = 1; turn <= 2; turn++)
      processors.forEach((processor, n) => {
        guest.pace(100);
        processor.setState({ interrupts: awake });
        processor.run();
        const expected = half(filled(n + 1), 0).map(byte => byte << turn);
        t.deepEqual(half(processor.getState('vector').vector, 0), expected);
      });
  });
