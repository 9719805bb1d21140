import test from 'ava';
import { padded, signed32, signed64, text, unsigned } from '../../../../core/processor/wasm/leb128.ts';

const written = <T>(write: (out: number[], value: T) => void, value: T): number[] => {
  const out: number[] = [];
  write(out, value);
  return out;
};

/** The examples of DWARF 5, section 7.6, and of its figures 23 and 24. */
test('unsigned numbers', t => {
  t.deepEqual(written(unsigned, 2), [2]);
  t.deepEqual(written(unsigned, 127), [127]);
  t.deepEqual(written(unsigned, 128), [0x80, 1]);
  t.deepEqual(written(unsigned, 12857), [0xb9, 0x64]);
  t.deepEqual(written(unsigned, 624485), [0xe5, 0x8e, 0x26]);
  t.deepEqual(written(unsigned, 0xffff_ffff), [0xff, 0xff, 0xff, 0xff, 0x0f]);
});

test('signed numbers', t => {
  for (const [value, bytes] of [
    [2, [2]],
    [-2, [0x7e]],
    [127, [0xff, 0]],
    [-127, [0x81, 0x7f]],
    [128, [0x80, 1]],
    [-129, [0xff, 0x7e]],
    [-123456, [0xc0, 0xbb, 0x78]],
  ] as const) {
    t.deepEqual(written(signed32, value), [...bytes]);
    t.deepEqual(written(signed64, BigInt(value)), [...bytes]);
  }
  t.deepEqual(written(signed64, -(1n << 63n)), [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f]);
});

test('a padded number has five bytes and the same value', t => {
  for (const value of [0, 1, 127, 128, 0xffff_ffff]) {
    const bytes = padded(value);
    t.is(bytes.length, 5);
    t.is(
      bytes.reduce((sum, byte, index) => sum + (byte & 0x7f) * 2 ** (7 * index), 0),
      value,
    );
    t.true(bytes.every((byte, index) => byte >> 7 === (index < 4 ? 1 : 0)));
  }
});

test('text is UTF-8 after its length in bytes', t => {
  t.deepEqual(written(text, 'ä1'), [3, 0xc3, 0xa4, 0x31]);
});
