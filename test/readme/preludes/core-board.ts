import { type BoardParts, ImmediateHostTasks, RamGuestMemory, VirtualClock } from '#core';

export { Board, createDevice } from '#core';
export { IsaSerial } from '#devices';
export { stream } from './stream.ts';

export const clock = new VirtualClock({ ticks: 0 });
export const memory = new RamGuestMemory([{ base: 0, bytes: new Uint8Array(0x1000) }]);
export const hostTasks = new ImmediateHostTasks();
export const power: BoardParts['power'] = { powerOff() {}, reset() {}, exit() {} };
export const processors: BoardParts['processors'] = { count: 1, init() {}, startup() {} };
