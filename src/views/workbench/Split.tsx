/** Panes side by side or above each other, parted by a line that can be dragged or moved with the arrow keys. */
import { Children, Fragment, isValidElement, type ReactElement, type ReactNode } from "react";
import { Group, Panel, Separator, useDefaultLayout } from "react-resizable-panels";

interface SplitProps {
  /** The layout is remembered by this name. */
  readonly id: string;
  readonly direction: "horizontal" | "vertical";
  /** {@link Part} elements. */
  readonly children: ReactNode;
}

interface PartProps {
  readonly id: string;
  /** Name of what stands here, for the line before it. */
  readonly name: string;
  /** Pixels at first; without it the part takes what the others leave. */
  readonly size?: number;
  /** Least pixels. */
  readonly least: number;
  readonly children: ReactNode;
}

/** One part of a {@link Split}, which reads its properties. */
export function Part({ children }: PartProps) {
  return children;
}

export function Split({ id, direction, children }: SplitProps) {
  const parts = Children.toArray(children).filter((c): c is ReactElement<PartProps> => isValidElement(c));
  const layout = useDefaultLayout({ id: `nestwalk.${id}`, storage: STORAGE });
  return (
    <Group
      id={id}
      orientation={direction}
      onLayoutChanged={layout.onLayoutChanged}
      {...(layout.defaultLayout === undefined ? {} : { defaultLayout: layout.defaultLayout })}
    >
      {parts.map(({ props }, i) => (
        <Fragment key={props.id}>
          {i > 0 && (
            <Separator
              className="wb-split"
              data-direction={direction}
              aria-label={`Border between ${parts[i - 1]?.props.name} and ${props.name}`}
            />
          )}
          <Panel
            id={props.id}
            minSize={props.least}
            groupResizeBehavior={props.size === undefined ? "preserve-relative-size" : "preserve-pixel-size"}
            {...(props.size === undefined ? {} : { defaultSize: props.size })}
          >
            {props.children}
          </Panel>
        </Fragment>
      ))}
    </Group>
  );
}

/** localStorage, where the browser lets the page have it. */
const STORAGE = {
  getItem: (key: string): string | null => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  },
  setItem: (key: string, value: string): void => {
    try {
      localStorage.setItem(key, value);
    } catch {
      // Sizes then last as long as the page.
    }
  },
};
