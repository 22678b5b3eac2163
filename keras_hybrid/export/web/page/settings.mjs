// The choice of a model file and of what computes, and what they cost to download.

const element = (id) => document.getElementById(id);
const size = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
const NAMES = { wasm: "Processor (WebAssembly)", webgpu: "Graphics processor (WebGPU)" };

function option(select, value, text) {
  select.append(Object.assign(document.createElement("option"), { value, textContent: text }));
}

export function connectSettings(facts, changed) {
  const [models, devices] = [element("model"), element("device")];
  facts.models.forEach(({ name, bytes, difference }, i) => {
    const far = difference ? `, logits within ${(100 * difference).toPrecision(2)} %` : "";
    option(models, i, `${name}: ${size(bytes)}${far}`);
  });
  for (const name of "gpu" in navigator ? ["wasm", "webgpu"] : ["wasm"])
    option(devices, name, `${NAMES[name]}: ${size(facts.runtime[name].bytes)}`);
  const chosen = () => ({ model: facts.models[Number(models.value)], device: devices.value });
  const tell = () => {
    const { model, device } = chosen();
    const { bytes, compressed } = facts.runtime[device];
    element("download").textContent =
      `The first image downloads ${size(model.bytes + bytes)} once: ${size(model.bytes)} for the model and ` +
      `${size(bytes)} for the program that runs it (${size(compressed)} where the server compresses files).`;
  };
  models.onchange = devices.onchange = () => {
    tell();
    changed();
  };
  tell();
  return {
    chosen,
    opened(device, threads) {
      element("download").hidden = true;
      const count = threads === 1 ? "1 thread" : `${threads} threads`;
      element("machine").textContent = device === "wasm" ? `${count} of the processor.` : "";
    },
  };
}
