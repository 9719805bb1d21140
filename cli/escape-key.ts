/** Ctrl-A, by which the terminal's user speaks to virt64 instead of the guest. */

const escapeKey = 0x01;

export interface EscapeActions {
  pass(data: Uint8Array): void;
  quit(): void;
  help(): void;
  status(): void;
  suspend(): void;
}

const keys: Readonly<Record<string, Exclude<keyof EscapeActions, 'pass'>>> = {
  x: 'quit',
  h: 'help',
  '?': 'help',
  i: 'status',
  z: 'suspend',
};

export class EscapeKey {
  #escaped = false;

  constructor(private readonly actions: EscapeActions) {}

  /** What was typed; a sequence may be split between calls. Nothing after a quit reaches the guest. */
  type(data: Uint8Array): void {
    let passed: number[] = [];
    const pass = (): void => {
      if (passed.length > 0) this.actions.pass(Uint8Array.from(passed));
      passed = [];
    };
    for (const byte of data) {
      if (!this.#escaped) {
        if (byte === escapeKey) this.#escaped = true;
        else passed.push(byte);
        continue;
      }
      this.#escaped = false;
      if (byte === escapeKey) passed.push(byte);
      const action = keys[String.fromCharCode(byte).toLowerCase()];
      if (!action) continue;
      if (action === 'quit') pass();
      this.actions[action]();
      if (action === 'quit') return;
    }
    pass();
  }
}
