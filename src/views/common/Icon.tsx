/** Signs on controls. Only the step controls go without words. */
const PATHS = {
  first: "M4 2.5v9M12 2.5 5.5 7l6.5 4.5z",
  back: "M9.5 2.5 4 7l5.5 4.5z",
  play: "M4 2.5 11 7l-7 4.5z",
  pause: "M4 2.5h2v9H4zM8 2.5h2v9H8z",
  forward: "M4.5 2.5 10 7l-5.5 4.5z",
  last: "M10 2.5v9M2 2.5 8.5 7 2 11.5z",
  menu: "M3.5 5.5 7 9l3.5-3.5",
  share: "M7 9V1.5M4.2 4 7 1.5 9.8 4M2 8v4.5h10V8",
  takeBack: "M4.5 2 2 4.5 4.5 7M2 4.5h6a3.5 3.5 0 0 1 0 7H5",
  close: "m3 3 8 8m0-8-8 8",
  theme: "M7 1.5a5.5 5.5 0 1 0 0 11zM7 1.5a5.5 5.5 0 0 1 0 11",
  larger: "M8.5 2H12v3.5M12 2 8.5 5.5M5.5 12H2V8.5M2 12l3.5-3.5",
  smaller: "M12 5.5H8.5V2M8.5 5.5 12 2M2 8.5h3.5V12M5.5 8.5 2 12",
  find: "M6 1.8a4.2 4.2 0 1 0 0 8.4 4.2 4.2 0 0 0 0-8.4M9.2 9.2l3 3",
  bookmark: "M3.5 1.5h7v11L7 9.5l-3.5 3z",
  pin: "M5 1.5h4M5.7 1.5v4L3.5 8h7L8.3 5.5v-4M7 8v4.5",
  stop: "M3 3h8v8H3z",
  save: "M7 1.5V9M4.2 6.2 7 9l2.8-2.8M2 9v3.5h10V9",
  panes: "M1.8 2.5h10.4v9H1.8zM5.5 2.5v9M5.5 7h6.7",
  copy: "M4.5 4.5h7v7h-7zM2.5 9.5v-7h7",
} as const;

const FILLED = new Set<string>(["first", "back", "play", "pause", "forward", "last", "stop"]);

export function Icon({ name }: { readonly name: keyof typeof PATHS }) {
  return (
    <svg
      width="14"
      height="14"
      viewBox="0 0 14 14"
      aria-hidden="true"
      fill={FILLED.has(name) ? "currentColor" : "none"}
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
