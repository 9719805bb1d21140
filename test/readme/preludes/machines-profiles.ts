export { microvm } from '#machines';
