// What Voila calls.

import { open } from "./demo.js";

export default {
  render({ model, el }) {
    const demo = open(model.get("demo"), el);
    return () => demo.destroy();
  },
};
