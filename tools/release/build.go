package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// extras are the files beside the binary in an archive.
var extras = []string{"LICENSE", "README.md", "CHANGELOG.md", "deploy/systemd"}

// build writes the archives, SBOMs and SHA256SUMS for platforms into a new folder. env are variables for the build.
func (c *commit) build(out string, platforms, env []string) error {
	if err := errors.Join(os.RemoveAll(out), os.MkdirAll(out, 0o755)); err != nil {
		return err
	}
	source, err := os.MkdirTemp("", "ashlar-source-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(source)
	if err := c.export(source); err != nil {
		return err
	}
	for _, platform := range platforms {
		if err := c.buildOne(out, source, platform, env); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
	}
	return writeSums(out)
}

// export writes the files of the commit into a folder, so that nothing else gets into a release.
func (c *commit) export(folder string) error {
	cmd := exec.Command("git", "archive", "--format=tar", c.id)
	cmd.Dir, cmd.Stderr = c.root, os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("git archive: %w", err)
	}
	archive := tar.NewReader(bytes.NewReader(text))
	for {
		header, err := archive.Next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("git archive: %w", err)
		case header.Typeflag != tar.TypeReg:
			continue
		}
		path := filepath.Join(folder, filepath.FromSlash(header.Name))
		content, err := io.ReadAll(archive)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, header.FileInfo().Mode())); err != nil {
			return err
		}
	}
}

func (c *commit) buildOne(out, source, platform string, env []string) error {
	system, processor, ok := strings.Cut(platform, "/")
	if !ok {
		return errors.New("write a system and a processor, as linux/amd64")
	}
	name := fmt.Sprintf("ashlar_%s_%s_%s", c.version, system, processor)
	binary := filepath.Join(source, "bin", platform, "ashlar")
	cmd := exec.Command(c.goCommand, "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -X github.com/ashlar-dev/ashlar/internal/cli.version="+c.version, "-o", binary, "./cmd/ashlar")
	cmd.Dir, cmd.Stderr = source, os.Stderr
	// A setting of the builder must not change the bytes.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+processor, "GOFLAGS=", "GOEXPERIMENT=",
		"GOAMD64=v1", "GOARM64=v8.0", "GOWORK=off", "GOFIPS140=off", "GODEBUG=")
	cmd.Env = append(cmd.Env, env...)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build: %w", err)
	}
	list, err := c.bill(source, binary)
	if err != nil {
		return fmt.Errorf("the SBOM: %w", err)
	}
	if err := os.WriteFile(filepath.Join(out, name+".cdx.json"), list, 0o644); err != nil {
		return err
	}
	packed, err := c.pack(source, binary, name)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, name+".tar.gz"), packed, 0o644)
}

// writeSums writes SHA256SUMS for the files in a folder, as sha256sum -c reads it.
func writeSums(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var lines []string
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(content), entry.Name()))
	}
	return os.WriteFile(filepath.Join(folder, "SHA256SUMS"), []byte(strings.Join(lines, "")), 0o644)
}

// image writes the folder from which deploy/Dockerfile makes images: the binaries for Linux, and an empty folder for the data.
func (c *commit) image(out, platforms string) error {
	folder := filepath.Join(out, "image")
	if err := os.MkdirAll(filepath.Join(folder, "data"), 0o755); err != nil {
		return err
	}
	for _, processor := range []string{"amd64", "arm64"} {
		if !slices.Contains(strings.Split(platforms, ","), "linux/"+processor) {
			continue
		}
		name := fmt.Sprintf("ashlar_%s_linux_%s", c.version, processor)
		text, err := os.ReadFile(filepath.Join(out, name+".tar.gz"))
		if err != nil {
			return err
		}
		binary, err := unpack(text, name+"/ashlar")
		if err != nil {
			return err
		}
		path := filepath.Join(folder, "linux", processor, "ashlar")
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, binary, 0o755)); err != nil {
			return err
		}
	}
	return filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error { // the image keeps the times of files
		return errors.Join(err, os.Chtimes(path, c.at, c.at))
	})
}
