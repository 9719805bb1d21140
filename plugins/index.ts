export { classify, type ImportModule, loadPlugin, type Named, type PluginComponents } from './loader.ts';
