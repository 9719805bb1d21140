import { MachineError } from '#core';

export interface ListenAddress {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

const loopback = '127.0.0.1';

/** `PORT`, `HOST:PORT`, `[::1]:PORT`; `tcp:` may stand before them, and the host may be empty, as QEMU has it. */
export function listenAddress(option: string, text: string): ListenAddress {
  const match = /^(?:tcp:)?(?:(?:\[([^\]]+)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match && port <= 0xffff) return { host: match[1] || match[2] || loopback, port };
  throw new MachineError('bad-argument', `${JSON.stringify(text)} is no address to listen on`, {
    path: option,
    remedy: 'give PORT or HOST:PORT, such as 1234',
  });
}
