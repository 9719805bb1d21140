/** Ends this process if its parent is gone, even while its event loop stands still: nobody else would end a hung guest then. */
import { Worker } from 'node:worker_threads';

const source = `
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, 1000);
`;

export const watchForParent = (): void => new Worker(source, { eval: true, execArgv: [] }).unref();
