import test from 'ava';
import { MachineError } from '#core';
import { SerialConsole } from '#machines';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('text, byte by byte and in pieces, also of characters of several bytes', t => {
  const serial = new SerialConsole();
  for (const byte of bytes('grüße ')) serial.write(byte);
  serial.write(bytes('€').subarray(0, 2));
  serial.write(bytes('€').subarray(2));
  t.is(serial.text, 'grüße €');
  t.is(serial.length, 7);
  t.is(serial.since(6), '€');
});

test('listeners may keep what they are given', t => {
  const serial = new SerialConsole();
  const seen: Uint8Array[] = [];
  serial.events.on('output', data => seen.push(data));
  serial.write(1);
  serial.write(2);
  t.deepEqual(seen, [Uint8Array.of(1), Uint8Array.of(2)]);
});

test('waitFor sees what was there before, once, and each match begins after the last', async t => {
  const serial = new SerialConsole();
  serial.write(bytes('login: '));
  const first = serial.waitFor(/log(in): /g);
  t.true(serial.poll());
  t.is((await first)[1], 'in');
  const second = serial.waitFor('login: ');
  t.false(serial.poll());
  serial.write(bytes('again login: '));
  t.true(serial.poll());
  await second;
  t.false(serial.poll());
});

test('what is behind the last match of all is not found again, whoever waits next', async t => {
  const serial = new SerialConsole();
  const both = [serial.waitFor('c'), serial.waitFor('a')];
  serial.write(bytes('abc'));
  t.true(serial.poll());
  await Promise.all(both);
  const behind = serial.waitFor('b');
  t.false(serial.poll());
  serial.write(bytes('later b'));
  t.true(serial.poll());
  await behind;
  const missed = serial.waitFor('z');
  serial.write(bytes('-x'));
  t.false(serial.poll());
  const there = serial.waitFor('x');
  t.true(serial.poll(), 'it was there before');
  await there;
  serial.write(bytes('z'));
  t.true(serial.poll());
  await missed;
});

test('a text is no pattern', async t => {
  const serial = new SerialConsole();
  const waiting = serial.waitFor('[ok].');
  serial.write(bytes('[okk'));
  t.false(serial.poll());
  serial.write(bytes('[ok].'));
  t.true(serial.poll());
  await waiting;
});

test('when the run ends, whoever still waits learns why', async t => {
  const serial = new SerialConsole();
  const never = serial.waitFor(/login:/);
  const just = serial.waitFor(/bye/);
  serial.write(bytes('bye'));
  serial.close('the run ended with powerOff');
  await just;
  await t.throwsAsync(never, {
    instanceOf: MachineError,
    code: 'bad-call',
    message: /login:.*did not appear.*powerOff.*serial\.text/,
  });
  await t.throwsAsync(serial.waitFor(/later/), { message: /later.*did not appear.*powerOff/ });
  serial.open();
  const later = serial.waitFor(/later/);
  serial.write(bytes('later'));
  serial.poll();
  await later;
  serial.write(bytes('still there'));
  serial.close('the machine was disposed of');
  t.is((await serial.waitFor(/still/))[0], 'still', 'what has come can still be found');
});

test('what is typed before anybody listens is kept', t => {
  const serial = new SerialConsole();
  serial.type('a');
  serial.type(Uint8Array.of(0x62));
  const heard: number[] = [];
  serial.onInput(data => heard.push(...data));
  serial.type('c');
  t.is(String.fromCharCode(...heard), 'abc');
});

test('a guest that never stops talking fills no memory', async t => {
  const serial = new SerialConsole();
  const piece = bytes('x'.repeat(2 ** 20));
  for (let count = 0; count < 20; count++) serial.write(piece);
  t.is(serial.length, 20 * 2 ** 20);
  t.true(serial.text.length <= 8 * 2 ** 20);
  const waiting = serial.waitFor(/y/);
  serial.write(bytes('y'));
  t.true(serial.poll());
  t.is((await waiting)[0], 'y');
  t.is(serial.since(serial.length - 1), 'y');
  const another = serial.waitFor(/y/);
  t.false(serial.poll(), 'each is found once');
  serial.write(bytes('y'));
  t.true(serial.poll());
  await another;
});
