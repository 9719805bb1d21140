import { Conversion } from './conversion.ts';
import { Double } from './double.ts';
import { Environment } from './environment.ts';
import { Extended } from './extended.ts';
import { Single } from './single.ts';
import { Transcendental } from './transcendental.ts';

/** The floating-point unit of one CPU: IEEE 754 as SSE and x87 do it, bit for bit and flag for flag. */
export class SoftFloat extends Environment {
  readonly single = new Single(this);
  readonly double = new Double(this);
  readonly extended = new Extended(this);
  readonly conversion = new Conversion(this);
  readonly transcendental = new Transcendental(this);
}
