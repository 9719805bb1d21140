import { defineConfig } from 'vite';

/** All in one module that Node can run. */
export default defineConfig({
  build: { target: 'esnext', lib: { entry: 'src/program.ts', formats: ['es'], fileName: 'program' } },
});
