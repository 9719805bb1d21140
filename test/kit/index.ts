/// <reference lib="esnext.disposable" preserve="true" />
/** The package's `virt64/testing`: what tests of machines, devices and accelerators are written with. It needs no test runner. */
export type { Case } from './checks/case.ts';
export { CheckError } from './checks/checks.ts';
export { type ContractOptions, contractCases } from './contract/contract-cases.ts';
export type { CreateAccelerator } from './contract/guest.ts';
export { DeviceBoard, type DeviceBoardOptions } from './device/device-board.ts';
export type { TestPin } from './device/test-pin.ts';
export { bootCode, codeAddress, exitPort, guests, printPort } from './machine/guests.ts';
export { bare, type TestMachineOptions, testMachine } from './machine/test-machine.ts';
