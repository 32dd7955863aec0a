package browser

import (
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"math"
	"os"
	"slices"
)

// paletteOf takes the first 160 colours, and then always the one that is worst shown by
// those it has: a rare glyph must not change its colour.
func paletteOf(colors []color.RGBA) color.Palette {
	var palette color.Palette
	far := make([]int, len(colors)) // to the nearest of the palette
	for i := range far {
		far[i] = math.MaxInt
	}
	for len(palette) < min(256, len(colors)) {
		next := len(palette)
		if next >= 160 {
			next = slices.Index(far, slices.Max(far))
		}
		palette = append(palette, colors[next])
		for i, c := range colors {
			r, g, b := int(c.R)-int(colors[next].R), int(c.G)-int(colors[next].G), int(c.B)-int(colors[next].B)
			far[i] = min(far[i], r*r+g*g+b*b)
		}
	}
	return palette
}

// shrink writes a picture again with 256 colours: a page of flat colours loses nothing
// that is seen, and two thirds of its bytes.
func shrink(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	full, err := png.Decode(file)
	if err != nil {
		return err
	}
	box, counts := full.Bounds(), map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(full.At(x, y)).(color.RGBA) }
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			counts[at(x, y)]++
		}
	}
	colors := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int {
		return cmp.Or(counts[b]-counts[a], cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	palette := paletteOf(colors)
	nearest := map[color.RGBA]uint8{}
	for _, c := range colors {
		nearest[c] = uint8(palette.Index(c))
	}
	small := image.NewPaletted(box, palette)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			small.SetColorIndex(x, y, nearest[at(x, y)])
		}
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(out, small); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
