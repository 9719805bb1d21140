/** Ends this process if its parent is gone, even while its event loop stands still: nobody else would end a hung guest then. */
import { Worker } from 'node:worker_threads';

/** The worker may start when the parent is gone already, so it is told who that was. */
const source = `
const { workerData: parent } = require('node:worker_threads');
setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, 1000);
`;

export const watchForParent = (): void =>
  new Worker(source, { eval: true, execArgv: [], workerData: process.ppid }).unref();
