/** Pictures of SVG figures. */

/** Pixels of a PNG for a pixel of the SVG. */
const PNG_SCALE = 2;

/**
 * Makes PNGs of SVGs; or says why that can't be done here. Loaded when it is first needed: other commands should not wait
 * for it.
 */
export async function pngWriter(): Promise<((svg: string) => Uint8Array) | string> {
  let resvg: typeof import('@resvg/resvg-js');
  try {
    resvg = await import('@resvg/resvg-js');
  } catch {
    return 'the package @resvg/resvg-js does not run on this platform';
  }
  const render = (svg: string, scale: number) =>
    new resvg.Resvg(svg, {
      fitTo: { mode: 'zoom', value: scale },
      font: { loadSystemFonts: true, defaultFontFamily: 'DejaVu Sans' },
    }).render();
  // Without a font on the machine, text is left out silently.
  const letter =
    '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><text x="2" y="16" font-size="16" font-family="sans-serif">M</text></svg>';
  if (render(letter, 1).pixels.every((byte) => byte === 0)) {
    return 'this machine has no fonts: install some, such as the package fonts-dejavu-core, for PNG files';
  }
  return (svg) => render(svg, PNG_SCALE).asPng();
}
