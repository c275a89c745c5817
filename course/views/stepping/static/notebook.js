// What a notebook calls.

import { mount } from "./stepper.js";

export default {
  render({ model, el }) {
    const stepper = mount(el, model.get("names"), model.get("data"), model.get("start"));
    return () => stepper.destroy();
  },
};
