import { copyState, Device, restoreState, type SavedState } from '#core';
import { VirtioPci, type VirtioPciParts } from './transport/pci.ts';

const version = 1;

/** A virtio device in a PCI slot: a model and its transport, saved and restored as one. */
export abstract class VirtioDevice extends Device {
  protected readonly transport: VirtioPci;

  constructor(parts: VirtioPciParts) {
    super();
    this.transport = new VirtioPci(parts);
  }

  /** The function's configuration space is the host bridge's to reset. */
  reset(): void {
    this.transport.reset();
  }

  save(): SavedState {
    const { unit, function: pci, state } = this.transport;
    return copyState({
      version,
      pci: pci.state,
      transport: state,
      unit: unit.state,
      queues: unit.queues.map(queue => queue.state),
      model: unit.model.state,
    });
  }

  restore(state: SavedState): void {
    const { transport } = this;
    const { unit, function: pci } = transport;
    const form = {
      pci: pci.stateForm(),
      transport: transport.form(),
      unit: { status: 0, features: [0, 0] },
      queues: unit.queues.map(queue => queue.form()),
      model: unit.model.stateForm(),
    };
    const taken = restoreState(form, state, version);
    unit.state = taken.unit;
    unit.queues.forEach((queue, index) => {
      queue.load(taken.queues[index]!);
    });
    transport.load(taken.transport);
    unit.model.load(taken.model);
    pci.load(taken.pci);
  }

  inspect() {
    const { unit, function: pci, state } = this.transport;
    return {
      ...pci.inspect(),
      status: unit.status,
      features: unit.state.features,
      complaint: unit.complaint,
      interruptStatus: state.interruptStatus,
      queues: unit.queues.map(queue => queue.inspect()),
    };
  }
}
