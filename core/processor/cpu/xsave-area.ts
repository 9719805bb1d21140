/** The XSAVE area (SDM vol. 1, sections 13.4 and 13.5): which components there are, and where they lie. */
import { Xcr0 } from '../state/registers.ts';

/** The legacy region, then the header. */
export const headerAt = 512;
export const headerSize = 64;
/** Upper halves of YMM registers, in the standard format. */
export const vectorAt: number = headerAt + headerSize;

/** Bits of XCR0 that a model has. */
export const stateComponentsOf = (features: ReadonlySet<string>): number =>
  Xcr0.x87 | Xcr0.sse | (features.has('avx') ? Xcr0.avx : 0);

/** Bytes of an area for these components: in the compacted format they are closed up, which makes no difference with these. */
export const areaSize = (components: number): number => vectorAt + ((components & Xcr0.avx) !== 0 ? 256 : 0);
