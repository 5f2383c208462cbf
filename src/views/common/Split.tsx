/** Panes side by side or above each other, parted by a line that can be dragged or moved with the arrow keys. */
import { Children, Fragment, isValidElement, type ReactElement, type ReactNode, useMemo } from "react";
import { Group, Panel, Separator, useDefaultLayout } from "react-resizable-panels";
import { sizesKey } from "../../app/layout_slice.ts";
import { useSettings } from "./use_app.ts";

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
  const ids = parts.map(({ props }) => props.id);
  // One part has to take what the others leave.
  const rest = parts.find(({ props }) => props.size === undefined) ?? parts.at(-1);
  return (
    // Another set of parts is another group: sizes of the old one mean nothing to it.
    <SizedGroup key={ids.join(" ")} id={id} direction={direction} ids={ids}>
      {parts.map((part, i) => (
        <Fragment key={part.props.id}>
          {i > 0 && (
            <Separator
              className="wb-split"
              data-direction={direction}
              aria-label={`Border between ${parts[i - 1]?.props.name} and ${part.props.name}`}
            />
          )}
          <Panel
            id={part.props.id}
            minSize={part.props.least}
            groupResizeBehavior={part === rest ? "preserve-relative-size" : "preserve-pixel-size"}
            {...(part === rest || part.props.size === undefined ? {} : { defaultSize: part.props.size })}
          >
            {part.props.children}
          </Panel>
        </Fragment>
      ))}
    </SizedGroup>
  );
}

function SizedGroup(props: SplitProps & { readonly ids: readonly string[] }) {
  const { id, direction, ids, children } = props;
  const settings = useSettings();
  const storage = useMemo(() => {
    // The key holds the name of the group and of its panels after a name of the library's own.
    const own = (key: string): string => sizesKey(key.slice(key.indexOf(":") + 1));
    return {
      getItem: (key: string) => settings.get(own(key)),
      setItem: (key: string, value: string) => settings.set(own(key), value),
    };
  }, [settings]);
  const layout = useDefaultLayout({ id, panelIds: [...ids], storage });
  return (
    <Group
      id={id}
      orientation={direction}
      onLayoutChanged={layout.onLayoutChanged}
      {...(layout.defaultLayout === undefined ? {} : { defaultLayout: layout.defaultLayout })}
    >
      {children}
    </Group>
  );
}
