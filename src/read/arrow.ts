import { type Data, type RecordBatch, RecordBatchReader, type Struct, Type } from 'apache-arrow';
import type { Document } from '../core/document.ts';
import { inputMalformed, isPrepError, messageOf } from '../core/errors.ts';
import { openArrow, type RecordBatchPlace } from './arrow-file.ts';
import { isText, type ReadValue, valuesOf } from './arrow-values.ts';
import type { PartRead } from './part-read.ts';
import { memberAt, missing, type TakeRecord } from './record.ts';
import { type DocumentOf, someAtATime, takenRow, textRow } from './row.ts';
import { takerOf } from './take.ts';

/**
 * Arrow IPC, a record batch at a time. Origins are row numbers; the hash is over the messages that were read: the schema, the
 * dictionaries and the part's batches, with all their columns.
 */
export async function* readArrow(read: PartRead): AsyncGenerator<Document[]> {
  const { file, part } = read;
  const arrow = await openArrow(file);
  try {
    read.hashed(arrow.schema);
    const take = read.options.form || read.options.groupField !== null ? takerOf(read.options) : null;
    const dictionaries: Uint8Array[] = [];
    for (let at = part.start; at < part.end; at++) {
      const place = arrow.batches[at];
      if (place === undefined) throw inputMalformed(file.name, `record batch ${at}`, 'it is not there');
      const fetch = async (message: { start: number; end: number }) => {
        const bytes = await arrow.read(message);
        read.hashed(bytes);
        return bytes;
      };
      for (const message of arrow.before(at).slice(dictionaries.length)) dictionaries.push(await fetch(message));
      const bytes = await fetch(place);
      // A stream of one batch each: dictionaries are views of their bytes, and cost nothing to be read again.
      const batch = [arrow.schema, ...dictionaries, bytes];
      yield* coded(read, at, () => someAtATime(place.rows, documentsOf(read, place, batchOf(batch, place), take)));
      read.passed(place.end - place.start);
    }
  } finally {
    await arrow.close();
  }
}

function batchOf(messages: readonly Uint8Array[], { rows }: RecordBatchPlace): RecordBatch {
  const reader = RecordBatchReader.from(messages) as unknown as Iterable<RecordBatch>;
  const [batch] = reader;
  if (batch?.numRows !== rows) throw new Error(`not the ${rows} rows that were declared`);
  return batch;
}

function documentsOf(read: PartRead, place: RecordBatchPlace, batch: RecordBatch, take: TakeRecord | null): DocumentOf {
  const { textField, idField, groupField, form } = read.options;
  const fields = !form ? [textField] : form.format === 'messages' ? [form.messages] : [form.prompt, form.response];
  const columns = new Map<string, ReadValue>();
  for (const field of fields) {
    const column = columnOf(batch, field);
    if (!column) throw noField(read, batch, field);
    if (form?.format !== 'messages') checkText(read, batch, field);
    columns.set(column.name, valuesOf(column.data));
  }
  const id = idField === null ? undefined : columnOf(batch, idField);
  if (id && !columns.has(id.name)) columns.set(id.name, valuesOf(id.data));
  if (groupField !== null) {
    const column = columnOf(batch, groupField);
    if (!column) throw noField(read, batch, groupField, 'group_field');
    if (!columns.has(column.name)) columns.set(column.name, valuesOf(column.data));
  }
  return (row) => {
    const members = Object.fromEntries([...columns].map(([name, value]) => [name, value(row)]));
    const at = place.firstRow + row;
    return take
      ? takenRow(read, at, members, take)
      : textRow(read, at, memberAt(members, textField), idField === null ? null : memberAt(members, idField));
  };
}

/** The top-level column of a field: of that very name, else the first of a dotted path. */
function columnOf({ schema, data }: RecordBatch, field: string): { name: string; data: Data } | undefined {
  for (const name of [field, field.split('.')[0]!]) {
    const at = schema.fields.findIndex((one) => one.name === name);
    if (at >= 0) return { name, data: data.children[at]! };
  }
  return undefined;
}

/** A field that is not there, or no text, is a wrong --field: it is said at once and not of each row. */
function checkText(read: PartRead, batch: RecordBatch, field: string): void {
  const column = columnOf(batch, field)!;
  const path = column.name === field ? [] : field.split('.').slice(1);
  let at: Data | undefined = column.data;
  for (const name of path) {
    const children: Struct['children'] = at?.typeId === Type.Struct ? (at.type as Struct).children : [];
    at = at?.children[children.findIndex((child) => child.name === name)];
  }
  if (!at) throw noField(read, batch, field);
  if (isText(at)) return;
  throw inputMalformed(
    read.file.name,
    'the schema',
    `column ${field} is ${String(at.type)}, not text: give another with --field`,
  );
}

const noField = (read: PartRead, { schema }: RecordBatch, field: string, setting = '--field') => {
  const { detail } = missing(
    field,
    schema.fields.map(({ name }) => name),
  );
  return inputMalformed(read.file.name, 'the schema', `${detail}: give the right one with ${setting}`);
};

function* coded(read: PartRead, batch: number, work: () => Generator<Document[]>): Generator<Document[]> {
  try {
    yield* work();
  } catch (error) {
    throw isPrepError(error) ? error : inputMalformed(read.file.name, `record batch ${batch}`, messageOf(error));
  }
}
