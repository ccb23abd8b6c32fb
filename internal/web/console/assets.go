package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/passkey"
)

//go:embed assets
var assetFiles embed.FS

// assetTypes are the media types of the assets by the ends of their names.
var assetTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// assetPath returns the path of an asset. It has a hash of the content, so browsers may keep the asset.
func assetPath(name string) string {
	text, err := readAsset(name)
	if err != nil {
		panic(err) // a name in this package
	}
	sum := sha256.Sum256(text)
	return "/console/assets/" + name + "?v=" + hex.EncodeToString(sum[:6])
}

// readAsset returns the text of an asset. The script of passkeys is shared with the pages of users.
func readAsset(name string) ([]byte, error) {
	if name == "passkey.js" {
		return passkey.Script(), nil
	}
	return assetFiles.ReadFile("assets/" + name)
}

func serveAsset(q *Request) error {
	name := q.r.PathValue("name")
	text, err := readAsset(name)
	if err != nil {
		return errs.Wrapf(err, errs.NotFound, "no such asset")
	}
	q.answered = true
	if q.r.URL.Query().Get("v") != "" {
		q.w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	return web.Bytes(q.w, http.StatusOK, assetTypes[path.Ext(name)], text)
}
