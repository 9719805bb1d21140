// Puts what the page boots beside it: Debian's kernel and an initramfs with BusyBox, from virt64's cache or through apt.
import { mkdir, writeFile } from 'node:fs/promises';
import { guest } from 'virt64/node';

const { kernel, initrd } = await guest({ onProgress: step => console.log(step) });
await mkdir('public/guest', { recursive: true });
await writeFile('public/guest/kernel', kernel);
await writeFile('public/guest/initrd', initrd);
