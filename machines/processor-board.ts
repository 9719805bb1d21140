/**
 * The board as a machine's processors meet it. In real time each access is an act; under the virtual clock an act takes no time, and the buses
 * are handed on as they are.
 */
import type { Pacer, ProcessorBoard } from '#accelerators';
import type { Board } from '#core';
import { type Acts, virtualTimeActs } from './acts.ts';
import { type InterruptHook, ObservedController } from './observed-controller.ts';

export interface ProcessorBoardParts {
  readonly board: Board;
  readonly acts: Acts;
  readonly processors: number;
  readonly pacer: Pacer;
  readonly exitOnPause: boolean;
  readonly interruptHook: InterruptHook;
}

export function processorBoard(parts: ProcessorBoardParts): ProcessorBoard {
  const { board, acts, processors, pacer, exitOnPause, interruptHook } = parts;
  const { ports, mmio, msrs, timestamps, controllers } = board;
  const interrupts = Array.from(
    { length: processors },
    (_, processor) => new ObservedController(controllers.of(processor), processor, interruptHook),
  );
  const others = { interrupts, pacer, exitOnPause };
  if (acts === virtualTimeActs) return { ports, mmio, msrs, timestamps, ...others };
  return {
    ports: portsInActs(ports, acts),
    mmio: mmioInActs(mmio, acts),
    msrs: {
      read: (processor, index) => acts.run(() => msrs.read(processor, index)),
      write: (processor, index, value) => acts.run(() => msrs.write(processor, index, value)),
    },
    timestamps: { changed: (processor, offset) => acts.run(() => timestamps.changed(processor, offset)) },
    ...others,
  };
}

const portsInActs = (ports: ProcessorBoard['ports'], acts: Acts): ProcessorBoard['ports'] => ({
  read(port, size) {
    acts.begin();
    try {
      return ports.read(port, size);
    } finally {
      acts.end();
    }
  },
  write(port, size, value) {
    acts.begin();
    try {
      ports.write(port, size, value);
    } finally {
      acts.end();
    }
  },
});

const mmioInActs = (mmio: ProcessorBoard['mmio'], acts: Acts): ProcessorBoard['mmio'] => ({
  read(address, size, data, processor) {
    acts.begin();
    try {
      mmio.read(address, size, data, processor);
    } finally {
      acts.end();
    }
  },
  write(address, size, data, processor) {
    acts.begin();
    try {
      mmio.write(address, size, data, processor);
    } finally {
      acts.end();
    }
  },
});
