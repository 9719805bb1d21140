export { Board, clock, createDevice, hostTasks, IsaSerial, memory, power, processors, stream } from './core-board.ts';
