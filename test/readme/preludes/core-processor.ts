export { amd, createHost } from '#core';
