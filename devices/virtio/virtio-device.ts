import { type Clock, copyState, Device, MachineError, restoreState, type SavedState } from '#core';
import { VirtioPci, type VirtioPciParts } from './transport/pci.ts';

const version = 1;

/** A virtio device in a PCI slot: a model and its transport, saved and restored as one. */
export abstract class VirtioDevice extends Device {
  /** @internal */
  protected readonly transport: VirtioPci;

  readonly #clock: Clock;

  constructor({ clock, ...parts }: VirtioPciParts & { readonly clock: Clock }) {
    super();
    this.#clock = clock;
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
    const bad = unit.queues.findIndex((queue, index) => !queue.accepts(taken.queues[index]));
    if (bad >= 0) throw new MachineError('bad-state', 'saved state is damaged', { path: `queues.${bad}.size` });
    unit.state = taken.unit;
    for (const [index, queue] of unit.queues.entries()) queue.state = taken.queues[index];
    transport.load(taken.transport);
    unit.model.load(taken.model);
    pci.load(taken.pci);
    // Guest memory may be restored after its devices; nothing runs before the clock has fired.
    this.#clock.schedule(this.#clock.now, () => unit.live && unit.model.resume());
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
