/** The 512-byte image of FXSAVE64 (SDM vol. 1, table 10-2), from and to a CPU block. */
import { state as layout, x87Offset, xmmOffset } from './layout.ts';
import type { StateBlock } from './state-block.ts';

export const fxsaveSize = 512;
/** MXCSR bits that exist: all but misaligned-exception mask. */
export const mxcsrMask = 0xffff;

const registers = 32;
const vectors = 160;

/** Bytes after `end` (416: no XMM registers left out) are not touched. */
export function readFpuImage(state: StateBlock, image: Uint8Array): void {
  const top = state.get8(layout.x87Top.offset);
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  view.setUint16(0, state.get16(layout.fcw.offset), true);
  view.setUint16(2, (state.get16(layout.fsw.offset) & ~0x3800) | (top << 11), true);
  view.setUint8(4, state.get8(layout.x87Tags.offset));
  view.setUint8(5, 0);
  view.setUint16(6, state.get16(layout.x87Opcode.offset), true);
  view.setInt32(8, state.low(layout.x87Ip.offset), true);
  view.setInt32(12, state.high(layout.x87Ip.offset), true);
  view.setInt32(16, state.low(layout.x87Dp.offset), true);
  view.setInt32(20, state.high(layout.x87Dp.offset), true);
  view.setInt32(24, state.get32(layout.mxcsr.offset), true);
  view.setInt32(28, mxcsrMask, true);
  for (let n = 0; n < 8; n++) {
    const source = x87Offset((top + n) & 7);
    for (let byte = 0; byte < 16; byte++) image[registers + n * 16 + byte] = byte < 10 ? state.u8[source + byte] : 0;
  }
  const first = xmmOffset(0);
  image.set(state.u8.subarray(first, first + 256), vectors);
}

export function writeFpuImage(state: StateBlock, image: Uint8Array): void {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const status = view.getUint16(2, true);
  const top = (status >> 11) & 7;
  // Reserved bits read as on a processor; the exception summary follows from flags and masks.
  const control = (view.getUint16(0, true) & 0x1f7f) | 0x40;
  const pending = (status & ~control & 0x3f) !== 0;
  state.set16(layout.fcw.offset, control);
  state.set16(layout.fsw.offset, (status & 0x477f) | (pending ? 0x8080 : 0));
  state.set8(layout.x87Top.offset, top);
  state.set8(layout.x87Tags.offset, image[4]);
  state.set16(layout.x87Opcode.offset, view.getUint16(6, true) & 0x7ff);
  state.set64(layout.x87Ip.offset, view.getInt32(8, true), view.getInt32(12, true));
  state.set64(layout.x87Dp.offset, view.getInt32(16, true), view.getInt32(20, true));
  state.set32(layout.mxcsr.offset, view.getInt32(24, true) & mxcsrMask);
  for (let n = 0; n < 8; n++) {
    const target = x87Offset((top + n) & 7);
    for (let byte = 0; byte < 16; byte++) state.u8[target + byte] = byte < 10 ? image[registers + n * 16 + byte] : 0;
  }
  state.u8.set(image.subarray(vectors, vectors + 256), xmmOffset(0));
}
