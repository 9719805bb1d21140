import { amd, createHost } from '#core';

export { NvmmDriver } from '../../../accelerators/nvmm/driver/driver.ts';
export { Libnvmm, NvmmMachine } from '../../../accelerators/nvmm/libnvmm/libnvmm.ts';
export { Svm } from '../../../accelerators/nvmm/svm/svm.ts';
export { Vmx } from '../../../accelerators/nvmm/vmx/vmx.ts';

export const host = createHost({ model: amd({ virtualization: true }), memory: 0x200_0000 });
