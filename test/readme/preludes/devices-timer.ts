import { isaBoard } from './isa-board.ts';

export { createDevice } from '#core';
export { Hpet, Pit, Rtc } from '#devices';

export const board = isaBoard();
