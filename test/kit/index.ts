/** The package's `virt64/testing`: what tests of machines, devices and accelerators are written with. */
export {};
