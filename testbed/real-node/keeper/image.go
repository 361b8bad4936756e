package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// image writes an archive of one image, as `ctr images import` takes it:
// programs of this machine in /bin, with the libraries that they load.
//
//	keeper image FILE REFERENCE ENTRYPOINT PROGRAM...
//
// The entrypoint is words with spaces between; with "" there is none.
func image(args []string) error {
	if len(args) < 4 {
		return fmt.Errorf("expected a file, a reference, an entrypoint and programs, found %q", args)
	}
	file, reference, entrypoint, programs := args[0], args[1], strings.Fields(args[2]), args[3:]
	files := map[string]string{}
	for _, name := range programs {
		if err := collect(files, name); err != nil {
			return fmt.Errorf("packing %s: %w", name, err)
		}
	}
	layer, err := layerOf(files)
	if err != nil {
		return err
	}
	archive := imageArchive{}
	config := archive.add(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Env": []string{"PATH=/bin"}, "Entrypoint": entrypoint},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digest(layer)}},
	}, "application/vnd.oci.image.config.v1+json")
	manifest := archive.add(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": config,
		"layers": []descriptor{archive.blob(layer, "application/vnd.oci.image.layer.v1.tar")},
	}, "application/vnd.oci.image.manifest.v1+json")
	manifest.Annotations = map[string]string{"io.containerd.image.name": reference}
	manifest.Platform = map[string]string{"architecture": runtime.GOARCH, "os": "linux"}
	archive["oci-layout"] = []byte(`{"imageLayoutVersion":"1.0.0"}`)
	archive["index.json"] = asJSON(map[string]any{"schemaVersion": 2, "manifests": []descriptor{manifest}})
	return os.WriteFile(file, archive.tar(), 0o644)
}

// collect finds a program on PATH, and all that it loads: file of this machine by path in the image.
func collect(files map[string]string, name string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return err
	}
	files["/bin/"+filepath.Base(name)] = path
	program, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer program.Close()
	for _, part := range program.Progs {
		if part.Type != elf.PT_INTERP {
			continue
		}
		text, err := io.ReadAll(part.Open())
		if err != nil {
			return err
		}
		loader := strings.TrimRight(string(text), "\x00")
		files[loader] = loader
		listed, err := exec.Command(loader, "--list", path).CombinedOutput()
		if err != nil {
			return fmt.Errorf("asking %s for libraries: %w: %s", loader, err, listed)
		}
		for _, match := range regexp.MustCompile(`=> (/\S+)`).FindAllStringSubmatch(string(listed), -1) {
			files[match[1]] = match[1]
		}
	}
	return nil
}

// layerOf packs files into a layer, with the folders that every root has.
func layerOf(files map[string]string) ([]byte, error) {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, folder := range []string{"etc", "tmp", "run", "proc", "sys", "dev"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755}); err != nil {
			return nil, err
		}
	}
	for to, from := range files {
		content, err := os.ReadFile(from)
		if err != nil {
			return nil, err
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimPrefix(to, "/"), Mode: 0o755, Size: int64(len(content))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(content); err != nil {
			return nil, err
		}
	}
	err := w.Close() // writes, too
	return buffer.Bytes(), err
}

// imageArchive is an OCI image layout: content by path.
type imageArchive map[string][]byte

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    map[string]string `json:"platform,omitempty"`
}

func (a imageArchive) add(object any, mediaType string) descriptor {
	return a.blob(asJSON(object), mediaType)
}

func (a imageArchive) blob(content []byte, mediaType string) descriptor {
	name := digest(content)
	a["blobs/"+strings.Replace(name, ":", "/", 1)] = content
	return descriptor{MediaType: mediaType, Digest: name, Size: len(content)}
}

func (a imageArchive) tar() []byte {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for path, content := range a {
		// Into memory, which does not fail.
		_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o644, Size: int64(len(content))})
		_, _ = w.Write(content)
	}
	_ = w.Close()
	return buffer.Bytes()
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func asJSON(object any) []byte {
	text, err := json.Marshal(object)
	if err != nil {
		panic(err) // made of maps and strings alone
	}
	return text
}
