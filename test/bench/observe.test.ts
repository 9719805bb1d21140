import test from 'ava';
import { Listener, observe } from '../../bench/observe.ts';

const script = (text: string) => ({ program: process.execPath, arguments: ['-e', text] });
const marks = { from: /\x02/, until: /\x03/, complete: /\x03\w{4}/ };
const patience = 300;

test('time is what passes between the marks', t => {
  const listener = new Listener(marks, 1_000);
  listener.hear('boot', 2_000);
  listener.hear('ing\x02', 3_000);
  t.false(listener.ended);
  listener.hear('\x03a', 3_250);
  t.true(listener.ended && !listener.complete);
  listener.hear('bcd', 9_000);
  t.true(listener.complete);
  t.is(listener.seconds, 0.25);
  const plain = new Listener({ until: /ready/ }, 1_000);
  plain.hear('ready\n', 1_500);
  t.true(plain.complete);
  t.is(plain.seconds, 0.5, 'without a start mark from the start');
});

test('what follows the end mark is waited for', async t => {
  const said = `const say = text => process.stdout.write(text);
    say('boot\\x02'); setTimeout(() => { say('\\x03a'); setTimeout(() => say('bcd'), 300); }, 200)`;
  const { output } = await observe(script(said), marks, patience);
  t.is(output, 'boot\x02\x03abcd');
});

test('a program without a start mark', async t => {
  const { seconds } = await observe(script("console.log('ready')"), { until: /ready/ }, patience);
  t.true(seconds > 0, String(seconds));
});

test('a program that ends too early is quoted', async t => {
  await t.throwsAsync(observe(script("console.error('no such machine'); process.exitCode = 3"), marks, patience), {
    message: /status 3 too early: no such machine/,
  });
});

test('a program that never ends is ended', async t => {
  await t.throwsAsync(observe(script('setInterval(() => {}, 1000)'), marks, 0.5), { message: /not done after 0.5 s/ });
});

test('a program that does not exist', async t => {
  await t.throwsAsync(observe({ program: '/nowhere', arguments: [] }, marks, patience), { code: 'ENOENT' });
});

(process.platform === 'linux' ? test : test.skip)('the peak of memory is seen, even if it is given back', async t => {
  const size = 200;
  const touch = `let hoard = Buffer.alloc(${size} << 20, 1); console.log(hoard.length); hoard = undefined;
    setTimeout(() => console.log('over'), 200)`;
  const { peakMemory } = await observe(script(touch), { until: /over/ }, patience);
  t.true(peakMemory > size << 20, String(peakMemory));
});
