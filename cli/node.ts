/// <reference lib="esnext.disposable" preserve="true" />
/** The package's `virt64/node`: what only Node can give a machine. */
export type { OnAdvance } from './fetch/apt.ts';
export type { FetchOptions } from './fetch/guest.ts';
export { type BootableGuest, type GuestOptions, guest } from './fetch/initrd.ts';
export { FileDisk, type FileDiskOptions } from './host/file-disk.ts';
