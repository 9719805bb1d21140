export { type GdbConnection, type GdbOptions, GdbSession, serveGdb } from './session.ts';
