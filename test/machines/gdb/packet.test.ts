/** Frames of gdb's protocol, and clients that do not keep to it. */
import test from 'ava';
import fc from 'fast-check';
import { build, microvm, serveGdb } from '#machines';
import { bytesOf, frame, PacketReader, textOf } from '../../../machines/gdb/packet.ts';

interface Heard {
  readonly packets: string[];
  readonly acknowledged: boolean[];
  interrupts: number;
}

function reader(): { readonly heard: Heard; readonly take: (bytes: Uint8Array) => void } {
  const heard: Heard = { packets: [], acknowledged: [], interrupts: 0 };
  const packets = new PacketReader({
    packet: data => void heard.packets.push(textOf(data)),
    interrupt: () => {
      heard.interrupts++;
    },
    again() {},
    acknowledge: good => void heard.acknowledged.push(good),
  });
  return { heard, take: bytes => packets.take(bytes) };
}

test('the examples of the manual: checksum, acknowledgement, Ctrl-C', t => {
  t.is(textOf(frame(bytesOf('g'))), '$g#67');
  t.is(textOf(frame(bytesOf('OK'))), '$OK#9a');
  t.is(textOf(frame(bytesOf(''))), '$#00');
  const { heard, take } = reader();
  take(bytesOf('+$g#67\x03$m0,4#00$?#3f'));
  t.deepEqual(heard, { packets: ['g', '?'], acknowledged: [true, false, true], interrupts: 1 });
});

test('any bytes come through a frame, in pieces of any size', t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 50 }), (data, size) => {
      const { heard, take } = reader();
      const packet = frame(data);
      for (let at = 0; at < packet.length; at += size) take(packet.subarray(at, at + size));
      return heard.packets.length === 1 && heard.packets[0] === textOf(data);
    }),
  );
  t.pass();
});

test('nothing that a client sends throws, and the machine survives it', async t => {
  await using machine = await build(
    microvm.with({
      memory: '2 MiB',
      processors: 2,
      boot: { kind: 'raw', image: Uint8Array.of(0xeb, 0xfe), options: { address: 0x7c00 } },
    }),
    { accelerator: 'software' },
  );
  const word = fc.constantFrom(
    ...[
      'g',
      'G',
      'p',
      'P',
      'm',
      'M',
      'X',
      'H',
      'Hg',
      'Hc',
      'T',
      'v',
      'vCont;',
      'q',
      'qXfer:',
      'Z',
      'z',
      'Z0,',
      'Z2,',
      '?',
    ],
    ...[
      'qRcmd,',
      'qThreadExtraInfo,',
      'c',
      's',
      'C',
      'S',
      'P10=',
      'mffffffffffffffff,',
      'm0,',
      'Z4,0,',
      'vCont;s:',
      '!',
    ],
  );
  const digits = fc.stringMatching(/^[0-9a-f]{0,40}$/);
  const text = fc
    .array(fc.oneof(word, digits, fc.constantFrom(',', ';', ':', '='), fc.string({ maxLength: 8 })), { maxLength: 6 })
    .map(parts => parts.join(''));
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 10 }), async packets => {
      const sent: string[] = [];
      using session = serveGdb(machine, { send: bytes => void sent.push(textOf(bytes)), close() {} });
      const running = machine.run({ timeout: 20_000 });
      for (const packet of packets) session.receive(frame(bytesOf(packet)));
      session.receive(Uint8Array.of(3));
      await new Promise(setImmediate);
      session[Symbol.dispose]();
      machine.stop();
      const { kind } = await running;
      machine.reset();
      return ['stopped', 'timeout', 'tripleFault', 'halted'].includes(kind);
    }),
    { numRuns: 400 },
  );
  t.pass();
});

test('a machine has one gdb at a time, and is free when it is gone', async t => {
  await using machine = await build(
    microvm.with({
      memory: '2 MiB',
      boot: { kind: 'raw', image: Uint8Array.of(0xeb, 0xfe), options: { address: 0x7c00 } },
    }),
    { accelerator: 'software' },
  );
  const nowhere = { send() {}, close() {} };
  const session = serveGdb(machine, nowhere);
  t.throws(() => serveGdb(machine, nowhere), { message: /has a debugger already/ });
  session[Symbol.dispose]();
  serveGdb(machine, nowhere)[Symbol.dispose]();
  t.deepEqual(await machine.run({ timeout: 1000 }), { kind: 'timeout' });
});
