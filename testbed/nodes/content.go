package main

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// content is what one instance of a container was given at its creation.
type content struct {
	resolvedAt time.Time
	env        map[string]string
	files      map[string]string // by mount path; subPath mounts of sources only
}

// has says whether any of the values is exactly this one.
func (c *content) has(value string) bool {
	for _, held := range []map[string]string{c.env, c.files} {
		for _, v := range held {
			if v == value {
				return true
			}
		}
	}
	return false
}

// resolve gives a container its content, or the reason why it must wait.
func resolve(ctx context.Context, sources sourceReader, pod *v1.Pod, podIP string, c *v1.Container, volumes podVolumes) (*content, error) {
	held := &content{resolvedAt: time.Now(), env: map[string]string{}, files: map[string]string{}}
	read := map[string]*source{} // each once, so that one start sees one version
	get := func(of kind, name string, optional *bool) (*source, error) {
		id := string(of) + "/" + name
		if s, known := read[id]; known {
			return s, nil
		}
		s, err := sources.source(ctx, of, pod.Namespace, name)
		switch {
		case apierrors.IsNotFound(err) && isTrue(optional):
			return nil, nil
		case apierrors.IsNotFound(err):
			return nil, &waiting{"CreateContainerConfigError", of.notFound(name)}
		case err != nil:
			return nil, err
		}
		read[id] = s
		return s, nil
	}

	key := func(variable string, of kind, name, key string, optional *bool) error {
		s, err := get(of, name, optional)
		if err != nil || s == nil {
			return err
		}
		value, found := s.data[key]
		if !found && !isTrue(optional) {
			return &waiting{"CreateContainerConfigError",
				fmt.Sprintf("couldn't find key %s in %s %s/%s", key, of, pod.Namespace, name)}
		}
		if found {
			held.env[variable] = string(value)
		}
		return nil
	}

	for _, from := range c.EnvFrom {
		var s *source
		var err error
		switch {
		case from.SecretRef != nil:
			s, err = get(secretKind, from.SecretRef.Name, from.SecretRef.Optional)
		case from.ConfigMapRef != nil:
			s, err = get(configMapKind, from.ConfigMapRef.Name, from.ConfigMapRef.Optional)
		}
		if err != nil {
			return nil, err
		}
		if s == nil {
			continue
		}
		for key, value := range s.data {
			held.env[from.Prefix+key] = string(value)
		}
	}
	for _, env := range c.Env {
		switch from := env.ValueFrom; {
		case from == nil:
			held.env[env.Name] = expand(env.Value, held.env)
		case from.SecretKeyRef != nil:
			ref := from.SecretKeyRef
			if err := key(env.Name, secretKind, ref.Name, ref.Key, ref.Optional); err != nil {
				return nil, err
			}
		case from.ConfigMapKeyRef != nil:
			ref := from.ConfigMapKeyRef
			if err := key(env.Name, configMapKind, ref.Name, ref.Key, ref.Optional); err != nil {
				return nil, err
			}
		case from.FieldRef != nil:
			held.env[env.Name] = field(pod, podIP, from.FieldRef.FieldPath)
		}
	}

	for _, mount := range c.VolumeMounts {
		files, ours := volumes[mount.Name]
		if !ours || (mount.SubPath == "" && mount.SubPathExpr == "") {
			continue
		}
		sub := mount.SubPath
		if mount.SubPathExpr != "" {
			sub = expand(mount.SubPathExpr, held.env)
		}
		// A folder as subPath binds every file below it.
		for name, value := range files.content() {
			if name == sub {
				held.files[mount.MountPath] = value
			} else if below, ok := strings.CutPrefix(name, sub+"/"); ok {
				held.files[path.Join(mount.MountPath, below)] = value
			}
		}
	}
	return held, nil
}

// field reads the few pod fields that manifests of a test use.
func field(pod *v1.Pod, podIP, fieldPath string) string {
	switch fieldPath {
	case "metadata.name":
		return pod.Name
	case "metadata.namespace":
		return pod.Namespace
	case "metadata.uid":
		return string(pod.UID)
	case "spec.nodeName":
		return pod.Spec.NodeName
	case "status.podIP":
		return podIP
	}
	return ""
}

// expand replaces $(NAME) by the variable's value. An unknown name stays as it
// is, and $$ stands for one $.
func expand(text string, env map[string]string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '$' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		switch text[i+1] {
		case '$':
			out.WriteByte('$')
			i++
		case '(':
			end := strings.IndexByte(text[i:], ')')
			if end < 0 {
				out.WriteByte('$')
				continue
			}
			if value, known := env[text[i+2:i+end]]; known {
				out.WriteString(value)
			} else {
				out.WriteString(text[i : i+end+1])
			}
			i += end
		default:
			out.WriteByte('$')
		}
	}
	return out.String()
}

func isTrue(b *bool) bool { return b != nil && *b }
