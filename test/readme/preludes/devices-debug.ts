import { TestBoard } from '../../devices/support.ts';

export { createDevice } from '#core';
export { DebugConsole, DebugExit } from '#devices';
export { stream } from './stream.ts';

export const { board } = new TestBoard();
