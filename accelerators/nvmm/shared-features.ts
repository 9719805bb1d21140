/** What an emulated host has where its guest's processor has it: instructions that no hypervisor notices, and their state. */
export const sharedFeatures: readonly string[] = [
  'xsaveopt',
  'xsavec',
  'xgetbv1',
  'avx',
  'avx2',
  'fma',
  'f16c',
  'bmi1',
  'bmi2',
];
