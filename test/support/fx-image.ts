/** FXSAVE images (SDM vol. 1, section 10.5.1) to and from a CPU's block: what recorded cases carry. */
import { state, x87Offset, xmmOffset, ymmHighOffset } from '../../core/processor/state/layout.ts';
import type { StateBlock } from '../../core/processor/state/state-block.ts';
import { fxOffsets, fxSize } from '../oracle/machine.ts';

export function loadFx(block: StateBlock, image: Uint8Array): void {
  const view = new DataView(image.buffer, image.byteOffset);
  const status = view.getUint16(fxOffsets.fsw, true);
  const top = (status >> 11) & 7;
  block.set(state.fcw, BigInt(view.getUint16(fxOffsets.fcw, true)));
  block.set(state.fsw, BigInt(status & ~0x3800));
  block.set(state.x87Top, BigInt(top));
  for (const pointer of [state.x87Ip, state.x87Dp, state.x87Cs, state.x87Ds, state.x87Opcode]) block.set(pointer, 0n);
  block.set(state.x87Blocked, status & 0x80 ? 1n : 0n);
  block.set(state.x87Tags, BigInt(view.getUint8(4)));
  block.set(state.mxcsr, BigInt(view.getUint32(fxOffsets.mxcsr, true)));
  for (let i = 0; i < 8; i++) {
    const at = fxOffsets.st + i * 16;
    block.u8.set(image.subarray(at, at + 16), x87Offset((top + i) & 7));
  }
  block.u8.set(image.subarray(fxOffsets.xmm, fxOffsets.end), xmmOffset(0));
  block.u8.set(image.subarray(fxOffsets.ymmHigh, fxSize), ymmHighOffset(0));
}

export function saveFx(block: StateBlock): Uint8Array {
  const image = new Uint8Array(fxSize);
  const view = new DataView(image.buffer);
  const top = Number(block.get(state.x87Top));
  view.setUint16(fxOffsets.fcw, Number(block.get(state.fcw)), true);
  view.setUint16(fxOffsets.fsw, Number(block.get(state.fsw)) | (top << 11), true);
  view.setUint8(4, Number(block.get(state.x87Tags)));
  view.setUint32(fxOffsets.mxcsr, Number(block.get(state.mxcsr)), true);
  for (let i = 0; i < 8; i++) {
    const from = x87Offset((top + i) & 7);
    image.set(block.u8.subarray(from, from + 10), fxOffsets.st + i * 16);
  }
  image.set(block.u8.subarray(xmmOffset(0), xmmOffset(16)), fxOffsets.xmm);
  image.set(block.u8.subarray(ymmHighOffset(0), ymmHighOffset(16)), fxOffsets.ymmHigh);
  return image;
}
