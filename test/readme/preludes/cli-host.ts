export { VirtioBlock } from '#devices';
export { use } from '#machines';
