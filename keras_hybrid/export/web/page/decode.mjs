// Image files as RGB pixels, equal to what Pillow reads where the browser allows it.

const ROWS = 512; // phones have no canvas as large as their photos

// A file, upright -> {pixels, width, height, channels: 3}, transparency over white. A model
// with a range of deep pixels needs more bits than a browser gives.
export async function decode(file, pixelRange) {
  if (pixelRange && (await isDeep(file))) throw new Error("The image has 16 bits, and browsers read 8 of them.");
  const bitmap = await open(file);
  const { width, height } = bitmap;
  const pixels = new Uint8Array(3 * width * height);
  const canvas = new OffscreenCanvas(width, Math.min(ROWS, height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  for (let top = 0; top < height; top += ROWS) {
    const rows = Math.min(ROWS, height - top);
    context.fillStyle = "white";
    context.fillRect(0, 0, width, canvas.height);
    context.drawImage(bitmap, 0, -top);
    const { data } = context.getImageData(0, 0, width, rows);
    for (let from = 0, to = 3 * width * top; from < data.length; from += 4, to += 3) {
      pixels[to] = data[from];
      pixels[to + 1] = data[from + 1];
      pixels[to + 2] = data[from + 2];
    }
  }
  bitmap.close();
  return { pixels, width, height, channels: 3 };
}

// Whether a file is a PNG of 16 bits per channel; no browser reads a TIFF.
async function isDeep(file) {
  const head = new Uint8Array(await file.slice(0, 25).arrayBuffer());
  return String.fromCharCode(...head.slice(1, 4)) === "PNG" && head[24] === 16;
}

export async function open(file) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  } catch {
    throw new Error("This browser cannot read the file as an image.");
  }
}
