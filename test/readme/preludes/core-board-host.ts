import { isaBoard } from './isa-board.ts';

export { createDevice, MemoryStream } from '#core';
export { IsaSerial } from '#devices';

export const board = isaBoard();
