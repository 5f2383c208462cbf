/** Put text on the clipboard. Answers false where the browser does not let the page. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Refused, or not there at all: an insecure origin has no clipboard.
    return false;
  }
}
