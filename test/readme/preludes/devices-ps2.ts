import { isaBoard } from './isa-board.ts';

export { createDevice } from '#core';
export { Ps2Controller } from '#devices';

export const board = isaBoard();
