import { TestBoard } from '../../devices/support.ts';

export { createDevice } from '#core';
export { PlatformMsrs } from '#devices';

export const { board } = new TestBoard();
