import { isaBoard } from './isa-board.ts';

export { createDevice } from '#core';
export { IsaSerial } from '#devices';
export { stream } from './stream.ts';

export const board = isaBoard();
