/** Buttons of the workbench. */
import type { ComponentProps } from "react";
import { Tooltip } from "./Tooltip.tsx";

interface ButtonProps extends ComponentProps<"button"> {
  /** `quiet` has no frame at rest, `primary` is the one way on. */
  readonly kind?: "plain" | "quiet" | "primary";
  readonly size?: "normal" | "small";
}

export function Button({ kind = "plain", size = "normal", className = "", ...rest }: ButtonProps) {
  return <button type="button" className={`nw-btn ${className}`} data-kind={kind} data-size={size} {...rest} />;
}

interface IconButtonProps extends Omit<ButtonProps, "aria-label"> {
  /** What it does; its name, and its tooltip. */
  readonly label: string;
  /** Key that does the same, for the tooltip. */
  readonly keyName?: string | undefined;
}

/** A button without words; its tooltip says what it does and names the key. */
export function IconButton({ label, keyName, kind = "quiet", ...rest }: IconButtonProps) {
  return (
    <Tooltip text={label} keyName={keyName}>
      <Button kind={kind} data-shape="icon" aria-label={label} {...rest} />
    </Tooltip>
  );
}
