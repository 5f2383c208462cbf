/** React's door to the page, a part with React: it comes up beside the page's own program. */
export { createRoot } from "react-dom/client";
