// Which parts of an image an output depends on: how much it falls while a square of the
// image has its mean colour. It needs no gradients.

const STEPS = 8; // squares along a side; each covers two steps

// `value(pixels)` is the output; `go(share)` says whether to go on.
export async function occlusion(pixels, { height, width, channels }, value, go) {
  const mean = Array.from({ length: channels }, (_, c) => {
    let sum = 0;
    for (let i = c; i < pixels.length; i += channels) sum += pixels[i];
    return (sum * channels) / pixels.length;
  });
  const whole = await value(pixels);
  const values = [];
  const edge = (k, length) => Math.round((Math.min(Math.max(k, 0), STEPS) * length) / STEPS);
  for (let row = 0; row < STEPS; row++)
    for (let column = 0; column < STEPS; column++) {
      const covered = pixels.slice();
      for (let y = edge(row - 0.5, height); y < edge(row + 1.5, height); y++)
        for (let x = edge(column - 0.5, width); x < edge(column + 1.5, width); x++)
          covered.set(mean, (y * width + x) * channels);
      values.push(whole - (await value(covered)));
      if (!go(values.length / STEPS ** 2)) return null;
    }
  return { data: values, dims: [1, STEPS, STEPS] };
}
