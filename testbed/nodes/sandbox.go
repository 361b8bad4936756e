package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"time"

	v1 "k8s.io/api/core/v1"
)

// folder of a pod, below which everything of it but its logs is.
func (r *processes) folder(pod *v1.Pod) string {
	return filepath.Join(r.dir, "pods", string(pod.UID))
}

func (r *processes) volume(pod *v1.Pod, name string) string {
	return filepath.Join(r.folder(pod), "volumes", name)
}

// sandbox makes the folder that stands for the root of one container: a link
// for each volume, and a file of its own, never changed again, for each file
// that is mounted by subPath.
func (r *processes) sandbox(l launch) (string, error) {
	root, err := os.MkdirTemp(mkdir(filepath.Join(r.folder(l.pod), "containers")), l.container.Name+"-")
	if err != nil {
		return "", fmt.Errorf("making the root of container %s: %w", l.container.Name, err)
	}
	for path, value := range l.holds.files {
		if err := writeFile(filepath.Join(root, path), value); err != nil {
			return "", err
		}
	}
	for _, mount := range l.container.VolumeMounts {
		if mount.SubPath != "" || mount.SubPathExpr != "" {
			continue
		}
		volume := mkdir(r.volume(l.pod, mount.Name))
		at := filepath.Join(root, mount.MountPath)
		if err := os.Symlink(volume, filepath.Join(mkdir(filepath.Dir(at)), filepath.Base(at))); err != nil {
			return "", fmt.Errorf("mounting volume %s: %w", mount.Name, err)
		}
	}
	return root, nil
}

// publish writes the files of volumes as a kubelet does: into a folder of
// their own, to which the link ..data then points, so that a reader sees all
// of the old files or all of the new ones.
func (r *processes) publish(pod *v1.Pod, volumes podVolumes) error {
	for name, volume := range volumes {
		files := volume.content()
		if maps.Equal(files, volume.published) {
			continue
		}
		dir := mkdir(r.volume(pod, name))
		before, _ := os.Readlink(filepath.Join(dir, "..data"))
		now := ".." + strconv.FormatInt(time.Now().UnixNano(), 10)
		mkdir(filepath.Join(dir, now))
		for path, value := range files {
			if err := writeFile(filepath.Join(dir, now, path), value); err != nil {
				return err
			}
		}
		next := filepath.Join(dir, "..data_tmp")
		if err := os.Symlink(now, next); err != nil {
			return err
		}
		if err := os.Rename(next, filepath.Join(dir, "..data")); err != nil {
			return err
		}
		if err := link(dir, files, volume.published); err != nil {
			return err
		}
		if before != "" {
			if err := os.RemoveAll(filepath.Join(dir, before)); err != nil {
				return err
			}
		}
		volume.published = files
	}
	return nil
}

// link makes each file visible in the folder of the volume, and those that went invisible.
func link(dir string, files, before map[string]string) error {
	top := func(path string) string {
		for parent := filepath.Dir(path); parent != "."; parent = filepath.Dir(path) {
			path = parent
		}
		return path
	}
	visible := map[string]bool{}
	for path := range files {
		visible[top(path)] = true
	}
	for path := range before {
		if !visible[top(path)] {
			if err := os.RemoveAll(filepath.Join(dir, top(path))); err != nil {
				return err
			}
		}
	}
	for name := range visible {
		err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name))
		if err != nil && !os.IsExist(err) {
			return err
		}
	}
	return nil
}

func (r *processes) forget(pod *v1.Pod) { _ = os.RemoveAll(r.folder(pod)) }

// mkdir makes a folder; what fails shows in whoever uses it.
func mkdir(path string) string {
	_ = os.MkdirAll(path, 0o700)
	return path
}

func writeFile(path, value string) error {
	mkdir(filepath.Dir(path))
	return os.WriteFile(path, []byte(value), 0o600)
}
