//go:build ignore

// Command draw draws the app's icons, color.png and outline.png, into this
// folder: a speech bubble with the figure 7 and lines of text. Run it here:
//
//	go run draw.go
//
// Teams wants the colour icon to fill its square, and rounds or cuts the corners
// itself; the picture stays within the middle 120 of 192 pixels. The outline is
// white on nothing, and 32 pixels wide.
// https://learn.microsoft.com/microsoftteams/platform/concepts/build-and-test/apps-package#app-icons
package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
)

var (
	teal  = color.NRGBA{0x0f, 0x4c, 0x4f, 0xff}
	white = color.NRGBA{0xff, 0xff, 0xff, 0xff}
	clear = color.NRGBA{0xff, 0xff, 0xff, 0x00}
)

func main() {
	for name, i := range map[string]*image.NRGBA{"color.png": colour(), "outline.png": outline()} {
		if err := write(name, i); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
	}
}

// shape is how far a point is from an edge: negative inside.
type shape func(x, y float64) float64

// colour is a white bubble on teal, and what it says in teal.
func colour() *image.NRGBA {
	bubble := union(box(36, 38, 156, 128, 16), triangle(60, 126, 96, 126, 60, 154))
	says := union(
		seven(56, 63, 87, 103, 7),
		line(109, 62, 138, 62, 4), line(109, 83, 138, 83, 4), line(109, 104, 126, 104, 4),
	)
	return paint(192, teal, layer{bubble, white}, layer{says, teal})
}

// outline is the same as white lines; the lines of text would blur at its size.
func outline() *image.NRGBA {
	bubble := union(ring(box(3, 4, 29, 24, 4.5), 2), triangle(8, 23, 15, 23, 8, 30))
	return paint(32, clear, layer{union(bubble, seven(12.5, 10, 19.5, 18, 1.15)), white})
}

func box(left, top, right, bottom, radius float64) shape {
	cx, cy := (left+right)/2, (top+bottom)/2
	return func(x, y float64) float64 {
		dx := math.Abs(x-cx) - (right-left)/2 + radius
		dy := math.Abs(y-cy) - (bottom-top)/2 + radius
		return math.Hypot(math.Max(dx, 0), math.Max(dy, 0)) + math.Min(math.Max(dx, dy), 0) - radius
	}
}

// triangle takes its corners clockwise.
func triangle(ax, ay, bx, by, cx, cy float64) shape {
	edge := func(x, y, ax, ay, bx, by float64) float64 {
		return ((x-ax)*(by-ay) - (y-ay)*(bx-ax)) / math.Hypot(bx-ax, by-ay)
	}
	return func(x, y float64) float64 {
		return math.Max(edge(x, y, ax, ay, bx, by), math.Max(edge(x, y, bx, by, cx, cy), edge(x, y, cx, cy, ax, ay)))
	}
}

// line has round ends.
func line(ax, ay, bx, by, half float64) shape {
	return func(x, y float64) float64 {
		dx, dy := bx-ax, by-ay
		t := math.Max(0, math.Min(1, ((x-ax)*dx+(y-ay)*dy)/(dx*dx+dy*dy)))
		return math.Hypot(x-ax-t*dx, y-ay-t*dy) - half
	}
}

// seven is the figure 7 with its corners there.
func seven(left, top, right, bottom, half float64) shape {
	return union(line(left, top, right, top, half), line(right, top, left+(right-left)/3, bottom, half))
}

// ring is the inner edge of a shape, so wide.
func ring(s shape, width float64) shape {
	return func(x, y float64) float64 { return math.Abs(s(x, y)+width/2) - width/2 }
}

func union(shapes ...shape) shape {
	return func(x, y float64) float64 {
		d := math.Inf(1)
		for _, s := range shapes {
			d = math.Min(d, s(x, y))
		}
		return d
	}
}

type layer struct {
	shape shape
	paint color.NRGBA
}

// paint lays each layer over the ones before. A pixel is covered by as much as
// 16 × 16 points in it are.
func paint(size int, ground color.NRGBA, layers ...layer) *image.NRGBA {
	const points = 16
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	for py := range size {
		for px := range size {
			c := ground
			for _, l := range layers {
				inside := 0
				for i := range points * points {
					x := float64(px) + (float64(i%points)+0.5)/points
					y := float64(py) + (float64(i/points)+0.5)/points
					if l.shape(x, y) <= 0 {
						inside++
					}
				}
				c = over(c, l.paint, float64(inside)/(points*points))
			}
			img.SetNRGBA(px, py, c)
		}
	}
	return img
}

// over lays so much of an opaque colour over another, which is opaque or of the
// same colour.
func over(under, paint color.NRGBA, much float64) color.NRGBA {
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*much)) }
	return color.NRGBA{mix(under.R, paint.R), mix(under.G, paint.G), mix(under.B, paint.B), mix(under.A, paint.A)}
}

func write(name string, img image.Image) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(f, img)
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}
