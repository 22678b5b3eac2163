// What a program has to do with an image before the model, equal to Pillow's resize:
// antialiased, first the width and then the height, each rounded to 8 bits.

const BITS = 22;
const FILTERS = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    weight: (x) => {
      x = Math.abs(x);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
    },
  },
};

// For each of `size` output pixels: the first input pixel that it reads, and weights.
function coefficients(length, from, to, size, { support, weight }) {
  const scale = Math.fround(to - from) / size;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: size }, (_, i) => {
    const center = from + (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support * stretch + 0.5));
    const end = Math.min(length, Math.trunc(center + support * stretch + 0.5));
    const weights = [];
    for (let x = first; x < end; x++) weights.push(weight((x - center + 0.5) * (1 / stretch)));
    const share = 1 / weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((w) => Math.round(w * share * 2 ** BITS)) };
  });
}

// The weighted sum of the input pixels that `read` gives, rounded to 8 bits.
function weighted({ first, weights }, read) {
  let sum = 2 ** (BITS - 1);
  for (let i = 0; i < weights.length; i++) sum += weights[i] * read(first + i);
  return Math.min(255, Math.max(0, Math.floor(sum / 2 ** BITS)));
}

export function resize({ pixels, width, height, channels }, newWidth, newHeight, filter, box = [0, 0, width, height]) {
  if (!(filter in FILTERS)) throw new Error(`the filter ${filter} is not written here`);
  const [left, top, right, bottom] = box.map(Math.fround);
  const columns = coefficients(width, left, right, newWidth, FILTERS[filter]);
  const rows = coefficients(height, top, bottom, newHeight, FILTERS[filter]);
  const wide = new Uint8Array(height * newWidth * channels);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < newWidth; x++)
      for (let c = 0; c < channels; c++, i++)
        wide[i] = weighted(columns[x], (k) => pixels[(y * width + k) * channels + c]);
  const result = new Uint8Array(newHeight * newWidth * channels);
  for (let y = 0, i = 0; y < newHeight; y++)
    for (let x = 0; x < newWidth; x++)
      for (let c = 0; c < channels; c++, i++)
        result[i] = weighted(rows[y], (k) => wide[(k * newWidth + x) * channels + c]);
  return result;
}

// RGB pixels {pixels, width, height, channels: 3} -> Float32Array (H, W, C).
export function preprocess(image, { input, preprocessing: { fit, crop, interpolation } }) {
  const { width: W, height: H, channels, mean, std } = input;
  if (channels === 1) image = grey(image);
  const { width: w, height: h } = image;
  let pixels;
  if (fit === "crop") {
    const left = (w - crop * Math.min(w, (h * W) / H)) / 2;
    const top = (h - crop * Math.min(h, (w * H) / W)) / 2;
    pixels = resize(image, W, H, interpolation, [left, top, w - left, h - top]);
  } else if (fit === "stretch") {
    pixels = resize(image, W, H, interpolation);
  } else {
    const scale = Math.min(W / w, H / h);
    const [iw, ih] = [w, h].map((side) => Math.max(1, Math.floor(side * scale + 0.5)));
    const inner = resize(image, iw, ih, interpolation);
    const [x, y] = [Math.floor((W - iw) / 2), Math.floor((H - ih) / 2)];
    pixels = new Uint8Array(H * W * channels); // black
    for (let row = 0; row < ih; row++)
      pixels.set(inner.subarray(row * iw * channels, (row + 1) * iw * channels), ((y + row) * W + x) * channels);
  }
  return Float32Array.from(pixels, (value, i) => (value - mean[i % channels]) / std[i % channels]);
}

// Pillow's convert("L").
function grey({ pixels, width, height }) {
  const result = new Uint8Array(width * height);
  for (let i = 0; i < result.length; i++)
    result[i] = (19595 * pixels[3 * i] + 38470 * pixels[3 * i + 1] + 7471 * pixels[3 * i + 2] + 0x8000) >> 16;
  return { pixels: result, width, height, channels: 1 };
}
