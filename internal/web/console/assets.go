package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/passkey"
)

//go:embed assets
var assetFiles embed.FS

// assetTypes are the media types of the assets by the ends of their names.
var assetTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
}

// Assets are files that pages load. Anybody may load them.
type Assets struct {
	folder string // their path, such as /console/assets
	read   func(name string) ([]byte, error)
}

// NewAssets returns the files in a folder as assets below a path.
func NewAssets(path string, files fs.FS) Assets {
	return Assets{path, func(name string) ([]byte, error) { return fs.ReadFile(files, name) }}
}

// assets returns the files of this package. The script of passkeys is shared with the pages of users.
func assets() Assets {
	return Assets{"/console/assets", func(name string) ([]byte, error) {
		if name == "passkey.js" {
			return passkey.Script(), nil
		}
		return assetFiles.ReadFile("assets/" + name)
	}}
}

// assetPath returns the path of an asset of this package.
func assetPath(name string) string { return assets().Path(name) }

// Path returns the path of an asset. It has a hash of the content, so browsers may keep the asset.
func (a Assets) Path(name string) string {
	text, err := a.read(name)
	if err != nil {
		panic(err) // a name in the source
	}
	sum := sha256.Sum256(text)
	return a.folder + "/" + name + "?v=" + hex.EncodeToString(sum[:6])
}

// Route returns the route that serves the assets.
func (a Assets) Route() Route { return Route{"GET " + a.folder + "/{name}", Anybody, a.serve} }

func (a Assets) serve(q *Request) error {
	name := q.r.PathValue("name")
	text, err := a.read(name)
	if err != nil {
		return errs.Wrapf(err, errs.NotFound, "no such asset")
	}
	q.answered = true
	if q.r.URL.Query().Get("v") != "" {
		q.w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	return web.Bytes(q.w, http.StatusOK, assetTypes[path.Ext(name)], text)
}
