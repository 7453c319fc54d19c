// Everything an application may import. Importing it does nothing: on a server, too.

export { openHoldfast } from './client.js';
export { HoldfastError } from './errors.js';
export type { ErrorCode } from './errors.js';
export type {
  Comparison,
  DeadLetterEntry,
  Departure,
  Explanation,
  FieldType,
  Kind,
  MutationName,
  OutboxEntry,
  Problem,
  Query,
  RecordSync,
  Where,
} from './protocol.js';
export type { PullReport, SyncReport } from './rpc.js';
export type * from './surface.js';
