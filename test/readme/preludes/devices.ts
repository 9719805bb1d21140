import { TestBoard } from '../../devices/support.ts';

export { createDevice } from '#core';
export { IoApic, IsaInterrupts, IsaSerial, Pic } from '#devices';
export { stream } from './stream.ts';

export const { board } = new TestBoard();
