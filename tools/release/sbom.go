package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"time"
)

// The parts of CycloneDX 1.6 that a bill has.
type (
	bom struct {
		Schema       string       `json:"$schema"`
		Format       string       `json:"bomFormat"`
		SpecVersion  string       `json:"specVersion"`
		SerialNumber string       `json:"serialNumber"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type       string     `json:"type"`
		Ref        string     `json:"bom-ref"`
		Name       string     `json:"name"`
		Version    string     `json:"version"`
		Hashes     []hash     `json:"hashes,omitempty"`
		Licenses   []licence  `json:"licenses,omitempty"`
		PURL       string     `json:"purl"`
		Properties []property `json:"properties,omitempty"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	licence struct {
		License struct {
			ID string `json:"id"`
		} `json:"license"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	dependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
)

// bill returns the SBOM of a binary. It lists the modules that are linked, as the linker wrote them into the binary. go.mod would
// name more: what only tests and tools need.
func (c *commit) bill(source, binary string) ([]byte, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	pages, err := vendored(source)
	if err != nil {
		return nil, err
	}
	return c.billOf(info, pages, sha256.Sum256(content))
}

// embedded are the scripts of others that the binary holds, each with the file that says its version.
var embedded = []struct {
	name, file string
	version    *regexp.Regexp
}{
	{"swagger-ui-dist", "tools/openapi/package-lock.json", regexp.MustCompile(`"node_modules/swagger-ui-dist": \{\s*"version": "([^"]+)"`)},
	{"uplot", "internal/web/console/operation/assets/uplot.js", regexp.MustCompile(`^/\*! \S+ \(v([^)]+)\)`)},
}

// vendored returns the components for embedded.
func vendored(source string) (list []component, err error) {
	for _, one := range embedded {
		text, err := os.ReadFile(filepath.Join(source, one.file))
		if err != nil {
			return nil, err
		}
		found := one.version.FindSubmatch(text)
		if found == nil {
			return nil, fmt.Errorf("%s has no version of %s", one.file, one.name)
		}
		version := string(found[1])
		name := "pkg:npm/" + one.name + "@" + version
		list = append(list, component{Type: "library", Name: one.name, Version: version, PURL: name, Ref: name})
	}
	return list, nil
}

func (c *commit) billOf(info *debug.BuildInfo, pages []component, sum [sha256.Size]byte) ([]byte, error) {
	own := component{
		Type: "application", Name: "ashlar", Version: c.version, PURL: purl(info.Main.Path, c.version),
		Hashes:     []hash{{"SHA-256", fmt.Sprintf("%x", sum)}},
		Properties: []property{{"ashlar:commit", c.id}},
	}
	own.Ref = own.PURL
	own.Licenses = make([]licence, 1)
	own.Licenses[0].License.ID = "Apache-2.0"
	standard := "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go")
	list := append([]component{{Type: "library", Name: "std", Version: info.GoVersion, PURL: standard, Ref: standard}}, pages...)
	for _, linked := range info.Deps {
		if linked.Replace != nil {
			linked = linked.Replace
		}
		one := component{Type: "library", Name: linked.Path, Version: linked.Version, PURL: purl(linked.Path, linked.Version)}
		one.Ref = one.PURL
		if linked.Sum != "" {
			one.Properties = []property{{"go:sum", linked.Sum}}
		}
		list = append(list, one)
	}
	all := dependency{Ref: own.Ref}
	for _, one := range list {
		all.DependsOn = append(all.DependsOn, one.Ref)
	}
	text, err := json.MarshalIndent(bom{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		SerialNumber: serial(sum),
		Metadata:     metadata{Timestamp: c.at.Format(time.RFC3339), Component: own},
		Components:   list, Dependencies: []dependency{all},
	}, "", "  ")
	return append(text, '\n'), err
}

// purl returns the package URL of a module. Its names are in lower case.
func purl(path, version string) string {
	return "pkg:golang/" + strings.ToLower(path) + "@" + url.QueryEscape(version)
}

// serial returns a UUID that depends on the binary alone. Its version 8 is for such (RFC 9562).
func serial(sum [sha256.Size]byte) string {
	id := [16]byte(sum[:16])
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
