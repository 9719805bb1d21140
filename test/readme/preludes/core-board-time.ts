import { VirtualHostTasks } from '#core';

export { VirtualClock } from '#core';

export const host = { ticks: 0 };
export const line = { assert(): void {} };
export const tasks = new VirtualHostTasks({ now: 0, schedule: () => ({ cancel() {} }) } as never);
