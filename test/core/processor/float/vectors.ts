/** Reader of what test/oracle/float/record.c recorded on a real CPU. */
export interface Vector {
  /** Single precision from 0, double from 32, x87 from 64, in the order of `operations`. */
  readonly operation: number;
  /** The instruction trapped (SSE), or wrote nothing to memory (x87 stores). */
  readonly suppressed: boolean;
  /** MXCSR or the x87 control word. */
  readonly control: number;
  readonly a: number;
  readonly b: number;
  /** MXCSR's exception flags and EFLAGS << 8, or the x87 status word. */
  readonly status: number;
  /** Offsets of the results. */
  readonly first: number;
  readonly second: number;
}

export interface Recording {
  readonly view: DataView;
  readonly vectors: readonly Vector[];
  /** Offsets of the operand pools' elements. */
  readonly single: (index: number) => number;
  readonly double: (index: number) => number;
  readonly extended: (index: number) => number;
  readonly integer: (index: number) => number;
  readonly decimal: (index: number) => number;
}

const simd = [
  ...['add', 'subtract', 'multiply', 'divide', 'squareRoot', 'minimum', 'maximum', 'compare', 'compareQuietly'],
  ...[
    'toInt32',
    'toInt32Truncated',
    'toInt64',
    'toInt64Truncated',
    'fromInt32',
    'fromInt64',
    'convert',
    'roundToIntegral',
  ],
];

const x87 = [
  ...['FADD', 'FSUB', 'FMUL', 'FDIV', 'FSQRT', 'FCOM', 'FUCOM', 'FRNDINT', 'FIST m16', 'FIST m32', 'FISTP m64'],
  ...[
    'FISTTP m16',
    'FISTTP m32',
    'FISTTP m64',
    'FILD m16',
    'FILD m32',
    'FILD m64',
    'FBLD',
    'FBSTP',
    'FLD m32',
    'FLD m64',
  ],
  ...[
    'FST m32',
    'FST m64',
    'FSCALE',
    'FXTRACT',
    'FPREM',
    'FPREM1',
    'FXAM',
    'FLDPI',
    'FLDL2E',
    'FLDL2T',
    'FLDLG2',
    'FLDLN2',
  ],
  ...['F2XM1', 'FYL2X', 'FYL2XP1', 'FSIN', 'FCOS', 'FSINCOS', 'FPTAN', 'FPATAN'],
];

/** Names by operation number. */
export const operations: Readonly<Record<number, string>> = Object.fromEntries([
  ...simd.map((name, index) => [index, `single ${name}`]),
  ...simd.map((name, index) => [32 + index, `double ${name}`]),
  ...x87.map((name, index) => [64 + index, name]),
]);

export function readRecording(bytes: Uint8Array): Recording {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(0, true);
  let offset = 4;
  const pool = (size: number) => {
    const start = offset;
    offset += count * size;
    return (index: number) => start + index * size;
  };
  const pools = { single: pool(4), double: pool(8), extended: pool(10), integer: pool(8), decimal: pool(10) };
  const vectors: Vector[] = [];
  for (; offset < bytes.byteLength; offset += 30) {
    vectors.push({
      operation: view.getUint8(offset),
      suppressed: view.getUint8(offset + 1) !== 0,
      control: view.getUint16(offset + 2, true),
      a: view.getUint16(offset + 4, true),
      b: view.getUint16(offset + 6, true),
      status: view.getUint16(offset + 8, true),
      first: offset + 10,
      second: offset + 20,
    });
  }
  return { view, vectors, ...pools };
}
