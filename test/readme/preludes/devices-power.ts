import { isaBoard } from './isa-board.ts';

export { createDevice } from '#core';
export { AcpiPm } from '#devices';

export const board = isaBoard();
