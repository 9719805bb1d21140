import { Socket } from 'node:net';
import { build, serveGdb, toyvirt } from '#machines';

export { serveGdb };
export const socket = new Socket();
export const machine = await build(toyvirt, { accelerator: 'software' });
