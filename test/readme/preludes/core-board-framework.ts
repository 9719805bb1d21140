import { isaBoard } from './isa-board.ts';

export {
  createDevice,
  Device,
  device,
  Options,
  type OptionsOf,
  Ports,
  port,
  type SavedState,
  Wires,
  wire,
} from '#core';

export const board = isaBoard();
