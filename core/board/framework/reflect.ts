/**
 * Gives `Reflect` the metadata that tsyringe asks for as soon as it is imported. It is a module of its own, packed as one, and imported before
 * tsyringe: bundlers run a CommonJS module such as this polyfill at the beginning of its importer, when all other imports have run.
 */
import 'reflect-metadata/lite';
