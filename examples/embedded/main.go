// Command embedded is a server of Ashlar that draws an avatar for each new member.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"os"

	"github.com/ashlar-dev/ashlar"
)

func main() { os.Exit(ashlar.Main(ashlar.Functions{"draw": draw})) }

// draw draws the avatar of a new member, and writes it into the row.
func draw(ctx context.Context, job *ashlar.Job) error {
	var member struct{ Name string }
	err := job.Call(ctx, "GET", job.RowPath(), nil, &member)
	if problem, ok := errors.AsType[*ashlar.Problem](err); ok && problem.Status == http.StatusNotFound {
		return nil // the row is gone
	}
	if err != nil {
		return err
	}
	avatar, err := drawing(member.Name)
	if err != nil {
		return ashlar.Permanent(err)
	}
	return job.Call(ctx, "PATCH", job.RowPath(), map[string]string{"avatar": avatar}, nil)
}

// drawing returns an image of five by five squares that stands for a name, as a data URL.
func drawing(name string) (string, error) {
	sum := sha256.Sum256([]byte(name))
	ink := color.RGBA{R: sum[0], G: sum[1], B: sum[2], A: 255}
	picture := image.NewPaletted(image.Rect(0, 0, 5, 5), color.Palette{color.White, ink})
	for i := range 15 { // three columns, of which two are mirrored
		x, y, index := i/5, i%5, sum[3+i]%2
		picture.SetColorIndex(x, y, index)
		picture.SetColorIndex(4-x, y, index)
	}
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		return "", err
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(file.Bytes()), nil
}
