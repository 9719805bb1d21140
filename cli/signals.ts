/** Signals, and what they do to a machine that runs. */
import { AcpiPm } from '#devices';
import type { Machine } from '#machines';

/** Signals that end the program in good order. */
export const endingSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

export interface SignalActions {
  quit(): void;
  /** The power button was pressed; another SIGTERM quits. */
  pressed(): void;
  suspend(): void;
  /** The program goes on after it was stopped. */
  resumed(): void;
  status(): void;
}

export function hearSignals(machine: Pick<Machine, 'devices'>, actions: SignalActions): Disposable {
  let asked = false;
  const { quit } = actions;
  const terminate = (): void => {
    if (asked || !pressPowerButton(machine)) {
      quit();
      return;
    }
    asked = true;
    actions.pressed();
  };
  const heard: Partial<Record<NodeJS.Signals, () => void>> = {
    SIGTERM: terminate,
    SIGINT: quit,
    SIGHUP: quit,
    SIGTSTP: () => actions.suspend(),
    SIGCONT: () => actions.resumed(),
    SIGUSR2: () => actions.status(),
  };
  const entries = Object.entries(heard) as [NodeJS.Signals, () => void][];
  for (const [signal, action] of entries) process.on(signal, action);
  return {
    [Symbol.dispose]() {
      for (const [signal, action] of entries) process.off(signal, action);
    },
  };
}

/** False if there is no button, or a guest that does not watch it. */
function pressPowerButton({ devices }: Pick<Machine, 'devices'>): boolean {
  const button = [...devices.values()].find(device => device instanceof AcpiPm);
  if (!button?.heedsPowerButton) return false;
  button.pressPowerButton();
  return true;
}
