/** What of an event a filter can name: its number, name, transaction, and every field of its record. */

import type { FilterField } from "../../app/filter/filter.ts";
import type { ArchitectureFacts } from "../../arch/architecture_facts.ts";
import type { EventRecord } from "../../protocol/engine.ts";
import { eventField, eventFieldNames } from "./event_reading.ts";

/** An event with its place in the stream, from 1. */
export interface NumberedEvent {
  readonly number: number;
  readonly event: EventRecord;
}

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
const distinct = (values: readonly string[]): string[] => [...new Set(values)].sort();

/** Most values of a field to offer. */
const MOST_VALUES = 200;

/** Of several. */
const IOMMU: FilterField<NumberedEvent> = {
  name: "iommu",
  about: "which IOMMU recorded it",
  read: ({ event: { iommu } }) => (iommu === undefined ? null : BigInt(iommu)),
};

/** The fields of these events; what they hold is looked up when a row is tested. */
export function eventFields(
  facts: ArchitectureFacts,
  events: readonly EventRecord[],
): readonly FilterField<NumberedEvent>[] {
  const some = events.slice(0, 5000);
  const fixed: FilterField<NumberedEvent>[] = [
    { name: "event", about: "what was recorded", read: (r) => r.event.name, values: distinct(some.map((e) => e.name)) },
    {
      name: "sid",
      about: "the stream",
      read: (r) => (r.event.sid === null ? null : BigInt(r.event.sid)),
      values: distinct(some.flatMap((e) => (e.sid === null ? [] : [hex(e.sid)]))).slice(0, MOST_VALUES),
    },
    {
      name: "ssid",
      about: "the PASID",
      read: (r) => (r.event.access?.ssid == null ? null : BigInt(r.event.access.ssid)),
    },
    { name: "iova", about: "the address", read: (r) => r.event.access?.iova ?? null },
    {
      name: "access",
      about: "kind of access",
      read: ({ event: { access } }) =>
        access === null ? null : access.instruction ? "execute" : access.write ? "write" : "read",
      values: ["read", "write", "execute"],
    },
    { name: "no", about: "place in the list, from 1", read: (r) => BigInt(r.number) },
    ...(some.some((e) => e.iommu !== undefined) ? [IOMMU] : []),
  ];
  const known = new Set(fixed.map((f) => f.name));
  const own = eventFieldNames(facts, events)
    .filter((name) => !known.has(name.toLowerCase()))
    .map(
      (name): FilterField<NumberedEvent> => ({
        name: name.toLowerCase(),
        about: "a field of the record",
        read: (r) => eventField(facts, r.event, name),
      }),
    );
  return [...fixed, ...own];
}
