import test from 'ava';
import { GuestWords } from '../../machines/guest-words.ts';
import { TypedLines } from '../../machines/typed-lines.ts';

interface Console {
  readonly pattern: RegExp;
  readonly typed?: string;
  readonly commandLine?: string;
}

/** Whether the pattern is found in the output, and after which piece. */
function found({ pattern, typed = '', commandLine = '' }: Console, ...output: string[]): number {
  const lines = new TypedLines();
  lines.add(Buffer.from(typed));
  const words = new GuestWords(lines, commandLine);
  return output.findIndex(piece => words.hear(piece, pattern));
}

const each = (text: string): string[] => [...text];
const prompt = '~ # \x1b[6n';

test('the guest’s own words are found, in whatever pieces they come', t => {
  t.is(found({ pattern: /FAILED/ }, 'TESTS FAI', 'LED'), 1);
  t.is(found({ pattern: /one\ntwo/ }, ...each('one\r\ntwo')), 7);
});

test('what was typed is not found in its echo, but in what the guest says then', t => {
  const typed = 'if false; then echo ok; else echo TESTS FAILED; fi\r';
  const shown = 'if false; then echo ok; else echo TESTS FAILED; fi\r\n';
  const pattern = /TESTS FAILED/m;
  const echoes: Record<string, string[]> = {
    'behind a prompt': [prompt + shown],
    'byte by byte': each(prompt + shown),
    'alone, and then behind a prompt': [shown, prompt + shown],
    'wider than the terminal': [`${prompt}if false; then echo ok; else \r\necho TESTS FAILED; fi\r\n`],
    'wrapped by a space and a return': [`${prompt}if false; then echo ok; else echo TES \rTS FAILED; fi\r\n`],
    'not finished yet': [`${prompt}if false; then echo ok; else echo TESTS FAILED`],
  };
  for (const [name, output] of Object.entries(echoes)) {
    t.is(found({ pattern, typed }, ...output), -1, name);
    t.not(found({ pattern, typed }, ...output, '\r\nTESTS FAILED\r\n'), -1, `${name}, then the guest`);
  }
});

test('input that has been corrected, or not been finished, has an echo too', t => {
  t.is(found({ pattern: /done/, typed: 'echo dome\x7f\x7fne\r' }, 'echo dome\b \b\b \bne\r\n'), -1);
  t.is(found({ pattern: /done/, typed: 'echo done' }, `${prompt}echo done`), -1);
});

test('a program that repeats a line says it itself', t => {
  t.is(found({ pattern: /hello/, typed: 'hello\r' }, 'hello\r\n', 'hello\r\n'), 1);
});

test('the kernel’s copies of its command line are none of its words; others are', t => {
  const commandLine = 'console=ttyS0 TESTS FAILED';
  const log = [
    `[    0.000000] Command line: ${commandLine}\r\n`,
    `[    0.010000] Kernel command line: ${commandLine}\r\n`,
    '[    0.020000] Unknown kernel command line parameters "TESTS FAILED", will be passed to user space.\r\n',
  ].join('');
  const pattern = /TESTS FAILED/;
  t.is(found({ pattern, commandLine }, log), -1);
  t.is(found({ pattern, commandLine }, ...each(log)), -1);
  t.is(found({ pattern, commandLine }, log, '[    1.0] TESTS FAILED'), 1);
  t.is(found({ pattern, commandLine }, 'Command line: TESTS FAILED again\r\n'), 0, 'another text');
});

test('lines: ^ and $ are their ends, and an unfinished one has none', t => {
  const pattern = /^PASS$/m;
  t.is(found({ pattern }, 'PASS', 'ED\r\n', 'PASS\r\n'), 2);
  t.is(found({ pattern }, 'x PASS\r\n'), -1);
});

test('endless lines and endless typing take neither memory nor time', t => {
  const typed = `${`${'x'.repeat(10_000)}\r`.repeat(1000)}echo short\r`;
  const output = Array.from({ length: 2000 }, () => 'y'.repeat(1000));
  t.is(found({ pattern: /end/, typed }, ...output, 'end'), 2000);
});
